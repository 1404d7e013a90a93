"""python -m google_service api | worker | all | migrate | lanes | dead-letters."""

import sys
from typing import Any

from common.service import OPERATIONS, Service, main

SERVICE: Service[Any] = Service(
    "google",
    "google_service.settings:Settings",
    "google_service.app:build",
    migrations="google_service.migrations",
    commands=OPERATIONS,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
