"""python -m agent_service api | worker | all | migrate | lanes | dead-letters | reseal."""

import sys
from typing import Any

from common.service import OPERATIONS, SealedColumn, Service, main, reseal_command

SERVICE: Service[Any] = Service(
    "agent",
    "agent_service.settings:Settings",
    "agent_service.app:build",
    migrations="agent_service.migrations",
    commands=(
        *OPERATIONS,
        reseal_command(SealedColumn("agent", "sealed_api_key", "agent.api_key")),
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
