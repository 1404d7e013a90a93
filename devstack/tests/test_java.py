"""What Java reads out of a `.properties` file is what we wrote."""

import pytest

from devstack.java import properties


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/tmp/plain", "/tmp/plain"),
        ("/tmp/cl one ü", r"/tmp/cl one \u00fc"),
        ("/tmp/日本", r"/tmp/\u65e5\u672c"),
        ("/tmp/😀", r"/tmp/\ud83d\ude00"),
        (r"C:\new", r"C:\\new"),
        ("a\nb", r"a\u000ab"),
        (" led", r"\ led"),
        ("a=b#c:d", "a=b#c:d"),
        (1, "1"),
    ],
)
def test_a_value_is_ascii_and_escaped(value: object, written: str) -> None:
    assert properties({"log.dirs": value}) == f"log.dirs={written}\n"
