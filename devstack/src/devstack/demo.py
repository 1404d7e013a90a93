"""A customer's message travels through the whole suite, and a transcript says what happened."""

from devstack import journey, up
from devstack import session as sessions
from devstack.errors import StackError
from devstack.places import Places
from devstack.screen import Screen
from devstack.session import Session
from devstack.transcript import Transcript


async def run(places: Places, screen: Screen) -> int:
    """Play the demo on the running suite, or start one for it; the result is the exit code.

    Raises:
        StackError: the suite cannot be started.
    """

    async def play(session: Session) -> int:
        return await _play(places, screen, session)

    session = sessions.running(places)
    return await play(session) if session else await up.run(places, screen, play)


async def _play(places: Places, screen: Screen, session: Session) -> int:
    transcript = Transcript(screen, session.broker)
    screen.tell()
    try:
        await journey.play(session, transcript)
    except StackError as error:
        screen.tell()
        screen.tell(str(error))
        screen.tell(f"The services' logs are in {places.logs}.")
    finally:
        transcript.write(places.state / "demo.json")
    screen.tell()
    if transcript.ok:
        on = "real Kafka" if session.broker == "kafka" else "the in-process bus, without Kafka"
        screen.tell(f"The journey is complete, on {on}. `make up` keeps a suite to play with.")
    return 0 if transcript.ok else 1
