"""What people call things: tenants, keys, numbers, agents."""

from common.errors import InvalidInput


def checked_name(name: str, *, most: int = 200) -> str:
    """Give a name without blanks around it.

    Raises:
        InvalidInput: when nothing is left, or more than `most` characters, or unprintable ones.
    """
    plain = name.strip()
    if not plain or len(plain) > most or not plain.isprintable():
        raise InvalidInput(f"A name has 1 to {most} printable characters.")
    return plain
