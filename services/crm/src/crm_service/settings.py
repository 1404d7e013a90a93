"""What the crm service reads from its environment."""

from common.settings import ServiceSettings


class Settings(ServiceSettings, env_prefix="CRM_"):
    """Environment variables prefixed with CRM_."""
