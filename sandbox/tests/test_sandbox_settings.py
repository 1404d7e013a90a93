"""Configuration and the command line."""

from __future__ import annotations

import pytest

from sandbox.__main__ import main
from sandbox.settings import AckStep, Settings, parse_acks


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({})

    assert settings == Settings()


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "SANDBOX_HOST": "0.0.0.0",  # noqa: S104 - a container listens everywhere
            "SANDBOX_PORT": "9",
            "SANDBOX_RETRY_SCALE": "0.01",
            "SANDBOX_AUTO_ACKS": "READ:0.5",
            "SANDBOX_EXPOSE_APIKEY": "false",
            "SANDBOX_OPENAI_KEYS": "a, b",
        }
    )

    assert (settings.port, settings.retry_scale) == (9, 0.01)
    assert settings.server_url == "http://0.0.0.0:9/evolution"
    assert settings.auto_acks == (AckStep("READ", 0.5),)
    assert settings.expose_apikey is False
    assert settings.openai_keys == {"a", "b"}


def test_acknowledgements_can_be_switched_off() -> None:
    assert parse_acks("off") == ()
    with pytest.raises(ValueError, match="STATUS:seconds"):
        parse_acks("READ")


def test_help_names_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    assert "SANDBOX_RETRY_SCALE" in capsys.readouterr().out


@pytest.mark.parametrize("port", ["99999999", "-1", "web"])
def test_a_port_that_is_none_is_refused_and_not_wrapped_around(
    capsys: pytest.CaptureFixture[str], port: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--port={port}"])

    assert ended.value.code == 2
    assert port in capsys.readouterr().err
