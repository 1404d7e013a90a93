"""Every SQL statement of the agent service."""

from agent_service.repository.agents import PostgresAgents
from agent_service.repository.archive import PostgresArchive
from agent_service.repository.budgets import PostgresBudgets
from agent_service.repository.ceilings import PostgresCeilings
from agent_service.repository.chores import CHORES, PostgresChores
from agent_service.repository.conversations import PostgresConversations
from agent_service.repository.facts import PostgresFacts, PostgresFollowUps
from agent_service.repository.hearing import TURNS
from agent_service.repository.prices import KnownPrices, PostgresPrices, PricedModel
from agent_service.repository.runs import PostgresRuns
from agent_service.repository.shelves import PostgresHttpTools, PostgresLibrary
from agent_service.repository.turns import PostgresTurns

__all__ = [
    "CHORES",
    "TURNS",
    "KnownPrices",
    "PostgresAgents",
    "PostgresArchive",
    "PostgresBudgets",
    "PostgresCeilings",
    "PostgresChores",
    "PostgresConversations",
    "PostgresFacts",
    "PostgresFollowUps",
    "PostgresHttpTools",
    "PostgresLibrary",
    "PostgresPrices",
    "PostgresRuns",
    "PostgresTurns",
    "PricedModel",
]
