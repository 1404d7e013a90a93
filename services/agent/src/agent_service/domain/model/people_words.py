"""The words in which people ask for a person, and those in which they say that they need none.

All of it is plain text (see `phrases.plain`): no accents, no capitals, no apostrophes. In the
patterns, `WHO` is a person, with the words that may stand before one.
"""

from typing import NamedTuple


class Language(NamedTuple):
    """How one language asks for a person."""

    people: str
    before: str
    """Articles and the like, before a person or a machine."""
    asking: tuple[str, ...]
    """What asks wherever it stands; the first is about talking."""
    wanting: str
    """What asks when nothing but a person follows."""
    refusing: str
    """What turns the meaning of what follows round, or tells of it instead of asking."""
    machines: str


LANGUAGES = (
    Language(  # English
        people="humans?|persons?|people|someone|somebody|agents?|representatives?|rep|operator|"
        "attendant|advis[eo]r|manager|supervisor|staff|support|service|sales|team",
        before="an?|the|one of|some|your|any|another|real|live|actual|human|customer|service|"
        "support|sales|proper",
        asking=(
            r"(?:talk|speak|chat) (?:to|with) WHO",
            r"(?:transfer|connect|put|pass|forward|redirect|send|hand) me (?:\w+ )?(?:to|with) WHO",
            r"(?:get|give|find) me WHO",
            r"WHO (?:that )?i can (?:talk|speak|chat) (?:to|with)",
            r"human (?:help|support|assistance)",
        ),
        wanting=r"(?:i|we) (?:want|need|would like|d like)|(?:can|could|may) i (?:get|have)",
        refusing=r"(?:do not|don t|dont|didn t|does not|doesn t|never|no longer)(?: really| ever)? "
        r"(?:want|need|wish|like|have|intend|plan|care)(?: to)?|"
        r"no (?:need|reason|wish)(?: to| for)?|(?:rather|prefer) not(?: to)?|"
        r"not (?:necessary|asking|trying|going|want|need)(?: to)?|"
        r"won t|wouldn t like to|(?:please|pls) (?:don t|do not)|do i (?:have|need) to|"
        r"instead of|without|hate to|tired of|was able to|(?:got|managed|used) to",
        machines="bots?|robots?|chatbots?|machines?|ai|computers?",
    ),
    Language(  # Portuguese
        people="atendentes?|human[oa]s?|pessoas?|alguem|gente|responsavel|gerente|supervisora?|"
        "vendedora?|operadora?|consultora?|funcionari[oa]|equipe|suporte|representante",
        before="uma?|[oa]s?|algum|alguma|outr[oa]|seus?|suas?|ser|de",
        asking=(
            r"(?:falar|falo|fala|conversar|tratar) (?:com|c) WHO",
            (
                r"me (?:passa|passe|passar|transfere|transfira|transferir|coloca|coloque|conecta|"
                r"conecte|encaminha|encaminhe|direciona|direcione) (?:para|pra|pro|com|p) WHO"
            ),
            (
                r"(?:transferir|transfira|transfere|encaminhar|encaminha|encaminhe|passar) "
                r"(?:para|pra|pro|p) WHO"
            ),
            r"(?:chama|chame|pode chamar|poderia chamar) WHO",
            r"(?:me atenda|atendid[oa] por) WHO",
            r"WHO (?:ai |aqui )?(?:pra|para|que)(?: possa)? me atender",
            r"atendimento (?:humano|humanizado|com pessoas?)",
        ),
        wanting=r"(?:quero|queria|preciso(?: de)?|gostaria de|desejo|cade|tem)",
        refusing=r"(?:nao|nem|nunca)(?: me)? (?:quero|queria|preciso|precisa|precisamos|gosto|"
        r"gostaria|desejo|pretendo|vou|adianta|tem por que|tenho (?:interesse|vontade)|"
        r"e (?:preciso|necessario))(?: de| em)?|sem|em vez de|ao inves de|prefiro nao|odeio|"
        r"cansei de|consegui|fui|fomos|acabei de|depois de|antes de|apos|dispenso",
        machines="robos?|bots?|chatbots?|maquinas?|ia|computador|automatic[oa]",
    ),
    Language(  # Spanish
        people="human[oa]s?|personas?|alguien|agentes?|asesora?|operadora?|representante|"
        "ejecutiv[oa]|encargad[oa]|responsable|gerente|supervisora?|vendedora?|soporte",
        before="una?|el|la|los|algun|alguna|otr[oa]|su|tu|ser",
        asking=(
            r"(?:hablar|hablo|conversar|chatear|comunicar(?:me|se)?|contactar(?:me)?) con WHO",
            r"(?:pas|comuniqu|comunic|transf|pon|conect|deriv)\w*me (?:con|al?) WHO",
            r"me (?:pas|comuniq|comunic|transf|pon|conect|deriv)\w* (?:con|al?) WHO",
            r"(?:transferir|comunicar|pasar|derivar) (?:con|al?) WHO",
            r"(?:me (?:atienda|atienden|(?:puede|podria|pueda)n? atender)|atendid[oa] por) WHO",
            r"atencion (?:humana|personal)",
        ),
        wanting=r"(?:quiero|quisiera|necesito|deseo|hay)",
        refusing=r"(?:no|ni|tampoco|nunca)(?: me)? (?:quiero|queria|quisiera|necesito|deseo|"
        r"pretendo|voy a|gusta|gustaria|interesa|hace falta|es necesario|"
        r"tengo (?:ganas|interes|que))(?: de| en)?|sin|en (?:vez|lugar) de|prefiero no|odio|"
        r"pude|logre|fui|fuimos|acabo de|despues de|antes de|harto de",
        machines="robots?|bots?|chatbots?|maquinas?|ia|computadora|ordenador",
    ),
    Language(  # French
        people="humaine?|personnes?|quelqu un|conseill(?:er|ere)|agent|operat(?:eur|rice)|"
        "responsable|representant|collegue|vendeu(?:r|se)|technicien|support",
        before="une?|le|la|l|d|du|votre|vos|des|vraie?|autre|etre",
        asking=(
            r"(?:parler|discuter|echanger|communiquer) (?:a|avec|au) WHO",
            (
                r"(?:passe[zr]?|mett(?:ez|re)|mets|transfere[zr]?|dirigez|connecte[zr]?) moi "
                r"(?:en \w+ )?(?:avec |a |vers |au )?WHO"
            ),
            r"(?:mise?|mettre) en (?:relation|contact|communication) avec WHO",
            r"me (?:passer|transferer|connecter)(?: avec| a| vers| au)? WHO",
        ),
        wanting=r"je (?:veux|voudrais|souhaite|desire)|j (?:aimerais|ai besoin d)(?: avoir)?|"
        r"il me faut",
        refusing=r"(?:veux|voudrais|souhaite|desire|aimerais|tiens|cherche|demande|vais|faut|aime) "
        r"(?:pas|plus|jamais)(?: a)?|"
        r"(?:pas|aucune?) (?:besoin|envie|necessaire|utile|question)(?: de| d)?|"
        r"sans|(?:au lieu|plutot que) de|inutile de|ai pu|apres|avant de|marre de",
        machines="robots?|bots?|chatbots?|machines?|ia|ordinateur",
    ),
    Language(  # German
        people="mensch(?:en)?|person|mitarbeiter(?:in)?|jemand(?:em|en)?|berater(?:in)?|"
        "kundenberater(?:in)?|agenten?|kollegen|kollegin|ansprechpartner(?:in)?|"
        "verkaufer(?:in)?|operator|kundenservice|kundendienst|support",
        before="eine?[mnrs]?|nem|ner|de[mnr]|die|ihre[mnr]?|eure[mnr]?|echte[mnrs]?|"
        "richtige[mnrs]?|reale[mnrs]?|menschliche[mnrs]?|andere[mnrs]?|lebende[mnrs]?",
        asking=(
            (
                r"mit WHO (?:\w+ ){0,3}(?:sprechen|reden|schreiben|chatten|telefonieren|verbinden|"
                r"verbunden|weiterverbinden)"
            ),
            r"(?:verbinden|verbinde|stellen|leiten) (?:\w+ ){0,3}(?:mit|zu|an) WHO",
            r"(?:einen|eine|jemanden) WHO (?:sprechen|kontaktieren)",
        ),
        wanting=r"ich (?:will|mochte|brauche|wunsche|hatte gerne?)(?: bitte)?",
        refusing=r"(?:will|wollte|mochte|muss|brauche|mag|soll|werde)(?: \w+){0,3} nicht"
        r"(?: unbedingt| mehr)?|(?:kein|keine|keinen) (?:\w+ )?(?:lust|interesse|bedarf|grund)|"
        r"ohne|(?:an)?statt|konnte|muss ich(?: \w+)?",
        machines="roboter|bot|chatbot|maschine|ki|computer|automaten",
    ),
    Language(  # Italian
        people="uman[oa]|person[ae]|qualcuno|operat(?:ore|rice)|consulente|addett[oa]|"
        "responsabile|agente|collega|rappresentante|impiegat[oa]|assistenza",
        before="una?|il|la|l|lo|vostr[oa]|ver[oa]|altr[oa]|essere",
        asking=(
            r"(?:parlare|parlo|chattare|comunicare) con WHO",
            (
                r"(?:passa|passate|trasferisci|collega|passar|trasferir|collegar|mette)(?:mi|temi) "
                r"(?:\w+ contatto )?(?:con |ad? )?WHO"
            ),
            r"(?:mettere|messo|messa) in contatto con WHO",
            (
                r"mi (?:passi|passa|trasferisca|trasferisce|metta|mette|colleghi)(?: in contatto)? "
                r"(?:con |ad? )?WHO"
            ),
        ),
        wanting=r"(?:vorrei|voglio|desidero|mi serve|ho bisogno di)(?: un)?",
        refusing=r"non (?:mi |c )?(?:voglio|vorrei|desidero|intendo|devo|serve|occorre|interessa|"
        r"piace|va di|e (?:necessario|bisogno di)|ho (?:bisogno|voglia|intenzione) di)|senza|"
        r"invece di|anziche|preferi(?:sco|rei) non|ho potuto|riuscit[oa] a|dopo|prima di|"
        r"stanc[oa] di|odio",
        machines="robot|bot|chatbot|macchina|ia|computer|risponditore",
    ),
)
"""A word that two languages share does no harm: each needs a verb of its own."""

ALONE = frozenset(
    (
        *("humano", "humana", "atendente", "atendimento", "atendimento humano", "pessoa"),
        *("um humano", "um atendente", "a human", "an agent", "un humano", "un asesor"),
        "un agente",
        *("suporte", "human", "agent", "operator", "representative", "person", "support"),
        *("live agent", "real person", "human agent", "human please", "talk to human"),
        *("persona", "persona real", "agente", "agente humano", "asesor", "asesora", "operador"),
        *("operadora", "soporte", "humain", "conseiller", "mensch", "mitarbeiter", "operatore"),
        *("umano", "pessoa de verdade", "echter mensch", "vraie personne", "persona vera"),
    )
)
"""What is a wish for a person only when it is all that was written."""

POLITE = (
    "please|pls|now|thanks|thank you|here|hi|hello|hey|ok|por favor|porfavor|pfv?|favor|agora|ai|"
    "oi|ola|hola|ahora|ya|gracias|obrigad[oa]|bom dia|boa tarde|boa noite|bonjour|merci|"
    "s il vous plait|svp|bitte|danke|hallo|jetzt|per favore|grazie|ciao|subito|to help me|"
    "para me ajudar|real|reales?|reais|de verdade|de verdad|vera|reelle|"
    "being|human[oa]|humaine?|umano"
)
"""What may stand around a wish and changes nothing."""
