"""The venue: a simulated exchange that trades on the market data that everybody is told."""

from agenttrader.adapters.announcements import Announcements
from agenttrader.roles.process import Arguments, run, serve, serve_beside, set_mode

ROLE = "venue"
CONTROL = "venue_control"
"""What the port is announced as on which faults are asked for."""


def main(words: list[str]) -> int:
    """Be the venue until told to stop; the exit code."""
    return run(ROLE, words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.venue import create_venue_app
    from agenttrader.api.venue_control import create_control_app
    from agenttrader.api.venue_faults import with_faults
    from agenttrader.app.config import load
    from agenttrader.app.venue.wiring import wire_venue

    configuration = load(arguments.config)
    set_mode(ROLE, configuration.environment.mode_ceiling.value)
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    parts = wire_venue(configuration, announcements)
    app, work = create_venue_app(parts.desk, parts.keys, parts.limit), parts.work
    plan, faults = configuration.venue.faults, parts.faults
    if plan is not None and faults is not None:
        app = with_faults(app, faults.faults)
        control = create_control_app(faults.faults, faults.books, plan.token_sha256)
        work = (*work, lambda: serve_beside(CONTROL, control, plan.listen, announcements))
    return await serve(
        ROLE,
        app,
        configuration.venue.listen,
        announcements,
        background=work,
        ready=parts.ready,
    )
