"""How Java is told of files whose names are not ASCII."""

import os
from collections.abc import Mapping

_PRINTABLE = range(0x20, 0x7F)


def properties(settings: Mapping[str, object]) -> str:
    """Write settings as a `.properties` file, which Java reads as Latin-1 with escapes."""
    return "".join(f"{name}={_escaped(str(value))}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    written = "".join(
        character if ord(character) in _PRINTABLE else _units(character)
        for character in value.replace("\\", "\\\\")
    )
    # A space at the beginning would be taken for one around the sign.
    return f"\\{written}" if written.startswith(" ") else written


def _units(character: str) -> str:
    # Java counts in UTF-16, where an emoji is two units.
    raw = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{raw[n : n + 4]}" for n in range(0, len(raw), 4))


def java_environment() -> dict[str, str]:
    """Give our environment, in a locale in which Java takes arguments and file names as UTF-8."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}
