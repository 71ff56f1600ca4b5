"""The venue: a simulated exchange that trades on the market data that everybody is told."""

from agenttrader.adapters.announcements import Announcements
from agenttrader.roles.process import Arguments, run, serve, set_mode

ROLE = "venue"


def main(words: list[str]) -> int:
    """Be the venue until told to stop; the exit code."""
    return run(ROLE, words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.venue import create_venue_app
    from agenttrader.app.config import load
    from agenttrader.app.venue.wiring import wire_venue

    configuration = load(arguments.config)
    set_mode(ROLE, configuration.environment.mode_ceiling.value)
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    parts = wire_venue(configuration, announcements)
    return await serve(
        ROLE,
        create_venue_app(parts.desk, parts.keys),
        configuration.venue.listen,
        announcements,
        background=parts.work,
        ready=parts.ready,
    )
