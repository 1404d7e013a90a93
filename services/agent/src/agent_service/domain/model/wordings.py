"""What we say where a business has put nothing of its own, in the customer's language."""

from enum import StrEnum

from agent_service.domain.model.agents import AgentSettings
from agent_service.domain.model.conversations import Conversation
from agent_service.domain.model.phrases import plain


class Wording(StrEnum):
    """An occasion, by the name of the setting with the business's own words for it."""

    HAND_OFF = "hand_off_text"
    HAND_OFF_CLOSED = "hand_off_closed_text"
    FALLBACK = "fallback_text"
    REFUSAL = "refusal_text"


_OURS = {
    "en": {
        Wording.HAND_OFF: "One moment, please: a colleague will answer you here.",
        Wording.HAND_OFF_CLOSED: "We are closed right now. A colleague will answer you here once "
        "we are open again.",
        Wording.FALLBACK: "I can't answer right now. A colleague will get back to you.",
        Wording.REFUSAL: "I'm sorry, I can't help with that.",
    },
    "pt": {
        Wording.HAND_OFF: "Um momento, por favor: uma pessoa da equipe vai responder por aqui.",
        Wording.HAND_OFF_CLOSED: "Estamos fechados agora. Uma pessoa da equipe vai responder por "
        "aqui assim que abrirmos.",
        Wording.FALLBACK: "Não consigo responder agora. Uma pessoa da equipe vai retornar.",
        Wording.REFUSAL: "Desculpe, não posso ajudar com isso.",
    },
    "es": {
        Wording.HAND_OFF: "Un momento, por favor: una persona del equipo le responderá por aquí.",
        Wording.HAND_OFF_CLOSED: "Ahora estamos cerrados. Una persona del equipo le responderá "
        "por aquí cuando abramos.",
        Wording.FALLBACK: "No puedo responder ahora. Una persona del equipo le contestará.",
        Wording.REFUSAL: "Lo siento, no puedo ayudarle con eso.",
    },
    "fr": {
        Wording.HAND_OFF: "Un instant, s'il vous plaît\u00a0: une personne de l'équipe va vous "
        "répondre ici.",
        Wording.HAND_OFF_CLOSED: "Nous sommes fermés pour le moment. Une personne de l'équipe vous "
        "répondra ici dès l'ouverture.",
        Wording.FALLBACK: "Je ne peux pas répondre maintenant. Une personne de l'équipe reviendra "
        "vers vous.",
        Wording.REFUSAL: "Désolé, je ne peux pas vous aider sur ce sujet.",
    },
    "de": {
        Wording.HAND_OFF: "Einen Moment bitte: Jemand aus unserem Team antwortet Ihnen hier.",
        Wording.HAND_OFF_CLOSED: "Wir haben gerade geschlossen. Jemand aus unserem Team antwortet "
        "Ihnen hier, sobald wir wieder geöffnet haben.",
        Wording.FALLBACK: "Ich kann gerade nicht antworten. Jemand aus unserem Team meldet sich.",
        Wording.REFUSAL: "Dabei kann ich leider nicht helfen.",
    },
    "it": {
        Wording.HAND_OFF: "Un momento, per favore: una persona del team le risponderà qui.",
        Wording.HAND_OFF_CLOSED: "In questo momento siamo chiusi. Una persona del team le "
        "risponderà qui appena riapriamo.",
        Wording.FALLBACK: "Ora non posso rispondere. Una persona del team la ricontatterà.",
        Wording.REFUSAL: "Mi dispiace, non posso aiutarla con questo.",
    },
}
_NAMES = {
    "pt": ("pt", "port", "bras", "braz"),
    "es": ("es", "span", "cast"),
    "fr": ("fr",),
    "de": ("de", "german", "alem", "allem", "tedesc"),
    "it": ("it",),
}
"""How a setting may begin that names the language."""
_COUNTRIES = {
    "pt": ("55", "351", "244", "258", "238", "239", "245"),
    "es": (
        *("34", "51", "52", "53", "54", "56", "57", "58", "240", "502", "503", "504", "505"),
        *("506", "507", "591", "593", "595", "598", "1787", "1809", "1829", "1849", "1939"),
    ),
    "fr": ("33", "221", "223", "225", "226", "227", "228", "229", "241", "242", "262", "590"),
    "de": ("49", "43"),
    "it": ("39",),
}
"""Country codes; none of them begins another country's."""


def words_for(what: Wording, settings: AgentSettings, conversation: Conversation) -> str:
    """Give the business's own words, or ours in the agent's language, else the customer's."""
    own: str | None = getattr(settings, what)
    return own or _OURS[_language(settings.language, conversation.phone)][what]


def _language(setting: str | None, phone: str | None) -> str:
    if setting is not None:
        found = (one for one, names in _NAMES.items() if plain(setting).startswith(names))
    else:
        digits = (phone or "").removeprefix("+")
        found = (one for one, codes in _COUNTRIES.items() if digits.startswith(codes))
    return next(found, "en")
