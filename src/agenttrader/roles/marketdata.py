"""Market data: a paced day in, Alpaca's data API and stream out. It may never trade."""

import os

from agenttrader.adapters.announcements import Announcements
from agenttrader.roles.process import Arguments, run, serve, set_mode

ROLE = "marketdata"


def main(words: list[str]) -> int:
    """Be the market data until told to stop; the exit code."""
    return run(ROLE, words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.market_stream import Terms
    from agenttrader.api.marketdata import create_marketdata_app
    from agenttrader.app.config import load
    from agenttrader.app.marketdata.wiring import wire_marketdata

    configuration = load(arguments.config)
    set_mode(ROLE, configuration.environment.mode_ceiling.value)
    parts = wire_marketdata(configuration, os.environ)
    terms = Terms(
        feed=parts.feed,
        notice=parts.notice,
        channels=parts.channels,
        actions=parts.actions,
        keys=parts.keys,
        settle=parts.settle,
    )
    return await serve(
        ROLE,
        create_marketdata_app(parts.broadcast, terms, health=parts.health, pace=parts.pace),
        configuration.marketdata.listen,
        Announcements(configuration.path(configuration.peers.announcements)),
        background=(parts.work,),
        ready=parts.ready,
        own_probes=("/healthz",),
    )
