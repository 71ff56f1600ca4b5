"""The exits unit: what is held is protected and left by its plan, with a key that only reduces.

It needs no strategy and no agent: it outlives them, goes on while trading is halted, and stops when
everything is frozen. Of all that trade it is stopped last, before the gateway.
"""

from agenttrader.adapters.announcements import Announcements
from agenttrader.roles.process import Arguments, run, serve, set_mode

ROLE = "exits"


def main(words: list[str]) -> int:
    """Be the exits unit until told to stop; the exit code."""
    return run(ROLE, words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.probes import nothing_else
    from agenttrader.app.config import load
    from agenttrader.app.exits.wiring import wire_exits

    configuration = load(arguments.config)
    set_mode(ROLE, configuration.environment.mode_ceiling.value)
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    parts = wire_exits(configuration, announcements)
    return await serve(
        ROLE,
        nothing_else,
        parts.listen,
        announcements,
        background=parts.work,
        ready=parts.ready,
        metrics=parts.metrics,
    )
