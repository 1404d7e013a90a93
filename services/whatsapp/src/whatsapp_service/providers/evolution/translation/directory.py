"""Contacts, groups and calls: what surrounds the messages."""

from typing import Any

from common.contracts import CallReceived, ContactUpdated, GroupUpdated
from whatsapp_service.domain.model import Ignored, Observation
from whatsapp_service.providers.evolution.translation.json_values import (
    entries,
    first_text,
    flag,
    identifier,
    mapping,
    text,
    written_moment,
)
from whatsapp_service.providers.evolution.translation.notice import Notice, Said
from whatsapp_service.providers.evolution.translation.people import Jid, name_of, read_jid

_MOST_PARTICIPANTS = 2048


def contacts(notice: Notice) -> list[Said]:
    """CONTACTS_UPSERT, CONTACTS_UPDATE, CONTACTS_SET: an object or a list of them."""
    return [_contact(notice, mapping(one)) for one in entries(notice.data)]


def _contact(notice: Notice, data: dict[str, Any]) -> Said:
    names = ("remoteJid", "id", "remoteJidAlt", "lid", "phoneNumber", "jid")
    people = _addresses(data, names)
    phone = next((jid.phone for jid in people if jid.phone), None)
    lid = next((jid.lid for jid in people if jid.lid), None)
    if phone is None and lid is None:
        # The Cloud API channel names contacts without saying who they are.
        return Ignored("a contact that is no person, or names nobody")
    event = ContactUpdated(
        integration_id=notice.integration,
        phone=phone,
        lid=lid,
        name=name_of(first_text(data, "pushName", "name", "notify", "verifiedName")),
        picture_url=first_text(data, "profilePicUrl", "imgUrl"),
    )
    if event.name is None and event.picture_url is None:
        return Ignored("a contact with neither a name nor a picture")
    return Observation(event)


def groups(notice: Notice) -> list[Said]:
    """GROUPS_UPSERT and GROUPS_UPDATE: a list of what is known of groups."""
    return [_group(notice, mapping(one)) for one in entries(notice.data)]


def _group(notice: Notice, data: dict[str, Any]) -> Said:
    group = read_jid(data.get("id"))
    if group is None or group.group is None:
        return Ignored("a group that has no usable id")
    members = (mapping(one) for one in entries(data.get("participants"))[:_MOST_PARTICIPANTS])
    event = GroupUpdated(
        integration_id=notice.integration,
        group_id=group.group,
        name=text(data.get("subject")),
        participants=_people(_member(m, "phoneNumber", "id", "jid", "lid") for m in members),
    )
    return Observation(event)


def group_participants(notice: Notice) -> list[Said]:
    """GROUP_PARTICIPANTS_UPDATE: people were added, removed, promoted or demoted."""
    return [_participants(notice, mapping(one)) for one in entries(notice.data)]


def _participants(notice: Notice, data: dict[str, Any]) -> Said:
    group = read_jid(data.get("id"))
    if group is None or group.group is None:
        return Ignored("a group that has no usable id")
    known = entries(data.get("participantsData"))[:_MOST_PARTICIPANTS]
    plain = entries(data.get("participants"))[:_MOST_PARTICIPANTS]
    people = _people(_member(mapping(one), "phoneNumber", "jid") for one in known)
    event = GroupUpdated(
        integration_id=notice.integration,
        group_id=group.group,
        action=text(data.get("action")),
        participants=people or _people(_plain(one) for one in plain),
    )
    return Observation(event)


def _plain(one: Any) -> Jid | None:
    return _member(one, "phoneNumber", "id") if isinstance(one, dict) else read_jid(one)


def _member(data: dict[str, Any], *names: str) -> Jid | None:
    """Find the best name of a member.

    Evolution 2.3 puts the digits of a LID into `phoneNumber` when it knows no phone; only an
    address says which of the two it is (observed in its source).
    """
    jids = _addresses(data, names)
    return next((jid for jid in jids if jid.phone), jids[0] if jids else None)


def _addresses(data: dict[str, Any], names: tuple[str, ...]) -> list[Jid]:
    """Read the fields that hold whole addresses: bare digits could be anything."""
    written = [value for name in names if isinstance(value := data.get(name), str) and "@" in value]
    return [jid for value in written if (jid := read_jid(value))]


def _people(jids: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(jid.person for jid in jids if jid and jid.person))


def calls(notice: Notice) -> list[Said]:
    """CALL: offer, ringing, accept, reject, timeout, terminate."""
    return [_call(notice, mapping(one)) for one in entries(notice.data)]


def _call(notice: Notice, data: dict[str, Any]) -> Said:
    call_id = identifier(data.get("id"))
    if call_id is None:
        return Ignored("a call that has no usable id")
    names = ("from", "callerPn", "chatId", "groupJid")
    people = [jid for name in names if (jid := read_jid(data.get(name)))]
    event = CallReceived(
        integration_id=notice.integration,
        call_id=call_id,
        phone=next((jid.phone for jid in people if jid.phone), None),
        lid=next((jid.lid for jid in people if jid.lid), None),
        status=text(data.get("status")) or "unknown",
        video=flag(data.get("isVideo")),
        called_at=written_moment(data.get("date"), now=notice.now),
    )
    return Observation(event)
