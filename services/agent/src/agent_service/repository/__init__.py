"""Every SQL statement of the agent service."""

from agent_service.repository.agents import PostgresAgents
from agent_service.repository.conversations import TURNS, PostgresConversations
from agent_service.repository.limits import PostgresLimits

__all__ = ["TURNS", "PostgresAgents", "PostgresConversations", "PostgresLimits"]
