"""Words that were changed, or taken back, after they were written: what holds is answered."""

from agent_service.domain.model import conversation_id
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Context
from common.contracts import MessageDeleted, MessageEdited, TenantId


async def amend(context: Context, tenant: TenantId, edited: MessageEdited) -> None:
    """Give a line its new words; a message that is none of ours has no line."""
    conversation = conversation_id(tenant, edited.integration_id, edited.chat_id)
    await context.conversations.amend(conversation, edited.message_id, storable(edited.text))


async def take_back(context: Context, tenant: TenantId, deleted: MessageDeleted) -> None:
    """Forget what a line said, its file included."""
    conversation = conversation_id(tenant, deleted.integration_id, deleted.chat_id)
    await context.conversations.take_back(conversation, deleted.message_id)
