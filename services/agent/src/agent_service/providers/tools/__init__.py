"""The tools that agents may be allowed, one module per kind, and the registry of them all."""

from agent_service.providers.tools.http import HttpToolCaller
from agent_service.providers.tools.registry import BUILT_IN, Registry

__all__ = ["BUILT_IN", "HttpToolCaller", "Registry"]
