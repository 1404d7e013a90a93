"""python -m agent_service api | worker | all | migrate | lanes | dead-letters."""

import sys
from typing import Any

from common.service import OPERATIONS, Service, main

SERVICE: Service[Any] = Service(
    "agent",
    "agent_service.settings:Settings",
    "agent_service.app:build",
    migrations="agent_service.migrations",
    commands=OPERATIONS,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
