"""python -m google_service api | worker | all | migrate | dead-letters."""

import sys
from typing import Any

from common.service import DEAD_LETTERS, Service, main

SERVICE: Service[Any] = Service(
    "google",
    "google_service.settings:Settings",
    "google_service.app:build",
    migrations="google_service.migrations",
    commands=(DEAD_LETTERS,),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
