"""What the google service reads from its environment."""

from common.settings import ServiceSettings


class Settings(ServiceSettings, env_prefix="GOOGLE_"):
    """Environment variables prefixed with GOOGLE_."""
