"""python -m whatsapp_service api | worker | all | migrate, and the verbs of an operator."""

import sys
from typing import Any

from common.service import (
    DEAD_LETTERS,
    Command,
    SealedColumn,
    Service,
    lanes_command,
    main,
    reseal_command,
)

SERVICE: Service[Any] = Service(
    "whatsapp",
    "whatsapp_service.settings:Settings",
    "whatsapp_service.app.wiring:build",
    migrations="whatsapp_service.migrations",
    commands=(
        lanes_command(
            *("sends", "broadcasts", "care", "media"),
            when_parked="whatsapp_service.app.contexts:when_parked",
        ),
        DEAD_LETTERS,
        reseal_command(SealedColumn("integration", "sealed_token", "integration.token")),
        Command(
            "translate",
            "print the events that an Evolution webhook body on standard input becomes",
            "whatsapp_service.providers.evolution.translation.command:translate_command",
        ),
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
