"""The strategy host: market data in, proposals out. It holds no broker's key and approves nothing."""

from agenttrader.adapters.announcements import Announcements
from agenttrader.roles.process import Arguments, run, serve, set_mode

ROLE = "strategy"


def main(words: list[str]) -> int:
    """Be the strategy host until told to stop; the exit code."""
    return run(ROLE, words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.probes import nothing_else
    from agenttrader.app.config import home, load
    from agenttrader.app.strategy.wiring import wire_strategy

    configuration = load(arguments.config)
    set_mode(ROLE, configuration.environment.mode_ceiling.value)
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    parts = wire_strategy(configuration, announcements, home() / "kernels")
    return await serve(
        ROLE,
        nothing_else,
        configuration.strategy.listen,
        announcements,
        background=parts.work,
        ready=parts.ready,
        metrics=parts.metrics,
    )
