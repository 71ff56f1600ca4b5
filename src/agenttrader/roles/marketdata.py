"""Market data: a paced day in, Alpaca's data API and stream out. It may never trade."""

import os

import structlog

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.clocks import WatermarkClock
from agenttrader.model.market import MarketEvent, Watermark
from agenttrader.roles.process import Arguments, run, serve, set_mode

ROLE = "marketdata"
logger = structlog.get_logger()


def main(words: list[str]) -> int:
    """Be the market data until told to stop; the exit code."""
    return run(ROLE, words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.broadcast import Broadcast
    from agenttrader.api.market_stream import Terms
    from agenttrader.api.marketdata import create_marketdata_app
    from agenttrader.app.config import load
    from agenttrader.app.marketdata import wire_marketdata

    configuration = load(arguments.config)
    set_mode(ROLE, configuration.environment.mode_ceiling.value)
    source = wire_marketdata(configuration, os.environ)
    broadcast, clock = Broadcast(), WatermarkClock()

    def receive(event: MarketEvent) -> None:
        broadcast.publish(event)
        if isinstance(event, Watermark):
            clock.advance(event.time)

    def link(up: bool, reason: str) -> None:  # noqa: FBT001 - the port's shape
        logger.info("feed_link", up=up, reason=reason)

    app = create_marketdata_app(
        broadcast,
        clock,
        Terms(feed=source.feed, notice=source.notice, keys=source.keys, settle=source.pacer.settle),
        max_age_seconds=configuration.marketdata.max_age_seconds,
        forced_stale=source.forced_stale,
        pace=source.pacer.pace,
    )
    return await serve(
        ROLE,
        app,
        configuration.marketdata.listen,
        Announcements(configuration.path(configuration.peers.announcements)),
        background=(lambda: source.pacer.follow(receive, link),),
        ready=source.pacer.waits_for,
        own_probes=("/healthz",),
    )
