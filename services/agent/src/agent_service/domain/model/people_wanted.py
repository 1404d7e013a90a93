"""Whether a customer asks for a person, in the languages our customers write."""

from agent_service.domain.model.phrases import matches, plain, says

_WHOLE = (
    # What is a wish for a person only when it is all that was written.
    *("humano", "humana", "atendente", "atendimento", "atendimento humano", "pessoa", "suporte"),
    *("human", "agent", "operator", "representative", "person", "support", "live agent"),
    *("persona", "agente", "asesor", "asesora", "operador", "operadora", "soporte"),
    *("humain", "conseiller", "mensch", "mitarbeiter", "operatore", "umano"),
)
_ANYWHERE = (
    # Portuguese
    *("falar com atendente", "falar com um atendente", "falar com uma atendente"),
    *("falar com humano", "falar com um humano", "falar com alguem", "falar com uma pessoa"),
    *("falar com um responsavel", "quero um atendente", "quero atendente", "quero um humano"),
    *("atendente humano", "pessoa de verdade", "chama um atendente", "nao quero falar com robo"),
    *("nao quero falar com um robo", "me passa para um atendente"),
    # English
    *("talk to a human", "talk to a person", "talk to someone", "talk to an agent"),
    *("speak to a human", "speak to a person", "speak to someone", "speak to an agent"),
    *("speak with a human", "speak with a person", "speak with someone", "speak with an agent"),
    *("talk with a human", "talk with a person", "real person", "human agent", "human being"),
    *("talk to a representative", "speak to a representative", "connect me to a human"),
    # Spanish
    *("hablar con un humano", "hablar con una persona", "hablar con alguien"),
    *("hablar con un agente", "hablar con un asesor", "hablar con una asesora"),
    *("quiero un agente", "quiero un humano", "persona real", "agente humano"),
    # French, German, Italian
    *("parler a un humain", "parler a quelqu un", "parler a un conseiller"),
    *("parler avec un conseiller", "vraie personne"),
    *("mit einem menschen sprechen", "mit jemandem sprechen", "echten menschen"),
    *("mit einem mitarbeiter sprechen",),
    *("parlare con un umano", "parlare con una persona", "parlare con un operatore"),
)
_REFUSALS = ("nao quero", "don t want to", "do not want to", "no quiero", "je ne veux pas")
"""Before a phrase these turn its meaning round: "I don't want to talk to a human"."""


def asks_for_person(text: str, own_words: tuple[str, ...] = ()) -> bool:
    """Tell whether a message asks for a person, in our words or in the business's own.

    An own word is a whole message, or a pattern with `*`.
    """
    said = plain(text)
    if said in _WHOLE or any(matches(word, said) for word in own_words):
        return True
    return any(says(phrase, said) and not _refused(phrase, said) for phrase in _ANYWHERE)


def _refused(phrase: str, said: str) -> bool:
    before, _, _ = said.partition(phrase)
    return not phrase.startswith(_REFUSALS) and before.rstrip().endswith(_REFUSALS)
