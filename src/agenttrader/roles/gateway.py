"""The gateway: the one process that holds the broker's credentials, and the one door that orders leave by."""

from agenttrader.adapters.announcements import Announcements
from agenttrader.roles.process import Arguments, build, run, serve, set_mode


def main(words: list[str]) -> int:
    """Be the gateway until told to stop; the exit code."""
    return run("gateway", words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.alpaca import create_alpaca_app, with_alpaca
    from agenttrader.api.callers import Keys
    from agenttrader.api.gateway import create_gateway_app
    from agenttrader.api.openapi import with_descriptions
    from agenttrader.api.operations import FACES
    from agenttrader.api.turns import with_turns
    from agenttrader.app.config import load
    from agenttrader.app.gateway.wiring import wire_gateway

    configuration = load(arguments.config)
    set_mode("gateway", configuration.environment.mode_ceiling.value)
    announcements = Announcements(configuration.path(configuration.peers.announcements))
    parts = wire_gateway(configuration, announcements, build().git_sha)
    face = create_gateway_app(parts.desk, Keys(parts.agents, parts.people))
    alpaca = create_alpaca_app(parts.alpaca, parts.agents)
    return await serve(
        "gateway",
        with_descriptions(with_turns(with_alpaca(face, alpaca), parts.agents), FACES),
        configuration.gateway.listen,
        announcements,
        background=parts.work,
        ready=parts.ready,
        metrics=parts.metrics,
        turns=parts.turns,
        wind_down=parts.wind_down,
    )
