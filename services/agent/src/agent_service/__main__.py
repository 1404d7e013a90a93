"""python -m agent_service api | worker | all | migrate."""

import sys
from typing import Any

from common.service import Service, main

SERVICE: Service[Any] = Service(
    "agent",
    "agent_service.settings:Settings",
    "agent_service.app:build",
    migrations="agent_service.migrations",
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
