"""python -m whatsapp_service api | worker | all | migrate | translate."""

import sys
from typing import Any

from common.service import Command, Service, main

SERVICE: Service[Any] = Service(
    "whatsapp",
    "whatsapp_service.settings:Settings",
    "whatsapp_service.app:build",
    migrations="whatsapp_service.migrations",
    commands=(
        Command(
            "translate",
            "print the events that an Evolution webhook body on standard input becomes",
            "whatsapp_service.providers.evolution.translation.command:translate_command",
        ),
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
