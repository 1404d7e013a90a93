"""What a person sees when the stack cannot go on: a sentence that says what to do next."""

import asyncpg


class StackError(Exception):
    """The local stack cannot go on; the message is one sentence for the person at the keyboard."""


class JavaMissing(StackError):
    """Java 17+ or Maven is not installed, so no broker can be started here."""


def sentence(error: BaseException) -> str | None:
    """Say what went wrong, also when several things did at once; None when it is a bug of ours."""
    match error:
        case StackError():
            return str(error)
        case OSError() | asyncpg.PostgresError() | asyncpg.InterfaceError():
            return f"The local stack cannot go on: {error or type(error).__name__}."
        case BaseExceptionGroup():
            said = [sentence(one) for one in error.exceptions]
            return None if None in said else said[0]
        case _:
            return None
