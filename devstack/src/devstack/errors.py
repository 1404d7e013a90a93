"""The one error a person sees: a sentence that says what to do next."""


class StackError(Exception):
    """The local stack cannot go on; the message is one sentence for the person at the keyboard."""


class JavaMissing(StackError):
    """Java 17+ or Maven is not installed, so no broker can be started here."""
