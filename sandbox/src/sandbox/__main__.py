"""Serve the sandbox: ``python -m sandbox``."""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn
from uvicorn.config import LOG_LEVELS

from sandbox.app import create_app
from sandbox.settings import Settings

_EPILOG = """\
environment:
  SANDBOX_HOST, SANDBOX_PORT       where to listen (127.0.0.1, 9400)
  SANDBOX_EVOLUTION_API_KEY        global apikey (sandbox-global-key)
  SANDBOX_SERVER_URL               server_url in webhooks
  SANDBOX_EXPOSE_APIKEY            instance token in webhooks (true)
  SANDBOX_RETRY_SCALE              factor on webhook retry delays (1.0; 0.01 in tests)
  SANDBOX_DELAY_SCALE              factor on the delay of sends and presences (1.0)
  SANDBOX_CONNECT_SCALE            factor on the waits of create and connect (1.0)
  SANDBOX_QR_REFRESH_SECONDS       how long one QR code is shown (45)
  SANDBOX_WEBHOOK_TIMEOUT          seconds per webhook attempt (30)
  SANDBOX_WEBHOOK_ATTEMPTS         attempts per webhook (10)
  SANDBOX_AUTO_ACKS                SERVER_ACK:0.05,DELIVERY_ACK:0.1,READ:0.3, or off
  SANDBOX_UTC_OFFSET_HOURS         false local time in date_time (-3)
  SANDBOX_OPENAI_KEYS              accepted OpenAI keys, comma separated (any sk-...)

The control door is described at /docs while the sandbox runs.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Strict stand-ins for Evolution API 2.3.7 and OpenAI, with a control door.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="overrides SANDBOX_HOST")
    parser.add_argument("--port", type=int, help="overrides SANDBOX_PORT")
    parser.add_argument(
        "--log-level", default="warning", choices=list(LOG_LEVELS), help="uvicorn's log level"
    )
    options = parser.parse_args(arguments)
    environment = dict(os.environ)
    if options.host is not None:
        environment["SANDBOX_HOST"] = options.host
    if options.port is not None:
        environment["SANDBOX_PORT"] = str(options.port)
    try:
        settings = Settings.from_environment(environment)
    except ValueError as error:
        parser.error(f"a SANDBOX_* variable is not valid: {error}")
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=options.log_level,
        access_log=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
