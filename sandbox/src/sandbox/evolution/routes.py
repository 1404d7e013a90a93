"""Every call of the Evolution stand-in: method, path, name, guard and handler."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sandbox.evolution import chat, instances, messages, queries, subscriptions
from sandbox.evolution.service import Handler


class Guard(Enum):
    """What must hold before a call is served."""

    GLOBAL = "the global key"
    ANY_KEY = "the global key or some instance's token"
    INSTANCE = "an existing instance, then its token or the global key"


@dataclass(frozen=True, slots=True)
class Route:
    """One call.

    Attributes:
        name: what faults call it: the last word of its path.
    """

    name: str
    guard: Guard
    handler: Handler


_WITHOUT_INSTANCE: dict[tuple[str, str], tuple[Guard, Handler]] = {
    ("POST", "instance/create"): (Guard.GLOBAL, instances.create),
    ("GET", "instance/fetchInstances"): (Guard.ANY_KEY, instances.fetch_instances),
}
_WITH_INSTANCE: dict[tuple[str, str], Handler] = {
    ("POST", "message/sendText"): messages.send_text,
    ("POST", "message/sendMedia"): messages.send_media,
    ("POST", "message/sendWhatsAppAudio"): messages.send_audio,
    ("POST", "message/sendSticker"): messages.send_sticker,
    ("POST", "message/sendReaction"): messages.send_reaction,
    ("POST", "message/sendLocation"): messages.send_location,
    ("POST", "message/sendContact"): messages.send_contact,
    ("POST", "message/sendButtons"): messages.send_buttons,
    ("POST", "message/sendList"): messages.send_list,
    ("POST", "message/sendPoll"): messages.send_poll,
    ("POST", "chat/sendPresence"): chat.send_presence,
    ("POST", "chat/markMessageAsRead"): chat.mark_as_read,
    ("POST", "chat/whatsappNumbers"): chat.whatsapp_numbers,
    ("POST", "chat/updateMessage"): chat.update_message,
    ("DELETE", "chat/deleteMessageForEveryone"): chat.delete_for_everyone,
    ("POST", "chat/fetchProfilePictureUrl"): chat.profile_picture,
    ("POST", "chat/findMessages"): queries.find_messages,
    ("POST", "chat/findStatusMessage"): queries.find_status_message,
    ("POST", "chat/findContacts"): queries.find_contacts,
    ("POST", "chat/findChats"): queries.find_chats,
    ("POST", "chat/getBase64FromMediaMessage"): queries.media_base64,
    ("GET", "instance/connect"): instances.connect_instance,
    ("GET", "instance/connectionState"): instances.connection_state,
    ("POST", "instance/restart"): instances.restart,
    ("POST", "instance/setPresence"): instances.set_presence,
    ("DELETE", "instance/logout"): instances.logout,
    ("DELETE", "instance/delete"): instances.delete,
    ("POST", "webhook/set"): subscriptions.set_webhook,
    ("GET", "webhook/find"): subscriptions.find_webhook,
    ("POST", "settings/set"): subscriptions.set_settings,
    ("GET", "settings/find"): subscriptions.find_settings,
}


def _last_word(path: str) -> str:
    group, _, word = path.partition("/")
    # webhook/set and settings/set share a last word, so these groups keep their name.
    return f"{group}/{word}" if group in {"webhook", "settings"} else word


PLAIN_ROUTES = {
    (method, f"/{path}"): Route(_last_word(path), guard, handler)
    for (method, path), (guard, handler) in _WITHOUT_INSTANCE.items()
}
INSTANCE_ROUTES = {
    (method, f"/{path}"): Route(_last_word(path), Guard.INSTANCE, handler)
    for (method, path), handler in _WITH_INSTANCE.items()
}
CALL_NAMES = frozenset(
    route.name for routes in (PLAIN_ROUTES, INSTANCE_ROUTES) for route in routes.values()
)
