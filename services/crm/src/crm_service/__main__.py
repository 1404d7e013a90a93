"""python -m crm_service api | worker | all | migrate | dead-letters."""

import sys
from typing import Any

from common.service import DEAD_LETTERS, Service, main

SERVICE: Service[Any] = Service(
    "crm",
    "crm_service.settings:Settings",
    "crm_service.app:build",
    migrations="crm_service.migrations",
    commands=(DEAD_LETTERS,),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
