"""The command lines of the measurements explain themselves and refuse what makes no sense."""

import pytest

from bench import __main__ as bench
from bench import chaos


def test_help_names_the_ratios_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--help"])

    told = capsys.readouterr().out
    assert "[RATIO ...]" in told
    assert all(name in told for name in bench.TARGETS)


def test_an_unknown_ratio_is_told_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["speed"])

    assert ended.value.code == 2
    assert "'speed' is none of ingest_vs_bare" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["--chats=0", "--turns=-1", "--kills=-20", "--pause=-1"])
def test_chaos_refuses_counts_that_are_none(wrong: str) -> None:
    with pytest.raises(SystemExit) as ended:
        chaos.main([wrong])

    assert ended.value.code == 2
