"""A small venue for tests, over a real log or none, its market in the test's hand.

Two accounts, three listings (two shares, of which one can be had in fractions, and a pair of coins) and two
trading days. A bar lasts a minute and is followed by its watermark.
"""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import VenueKey
from agenttrader.app.venue.record import Log
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import AssetClass, Listing
from agenttrader.testing.serving import serving

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
CLOSE = from_rfc3339("2026-11-20T21:00:00Z")
NEXT_OPEN = from_rfc3339("2026-11-23T14:30:00Z")
CASH = Decimal(100_000)
SECRET = "a secret of 256 bits"  # noqa: S105 - of a test
FIRST, SECOND = "DEMO-1", "DEMO-2"
KEYS = {
    key_id: VenueKey(secret_sha256=hashlib.sha256(SECRET.encode()).hexdigest(), account=account)
    for key_id, account in (("KEY-1", FIRST), ("KEY-2", SECOND))
}
COIN = "BTC/USD"


def small_settings(**changes: Any) -> Settings:
    """The settings, with some of them changed."""
    cent, one = Decimal("0.01"), Decimal(1)
    settings = Settings(
        start=OPEN,
        listings=(
            Listing(symbol="ALFA", tick=cent, lot=one),
            Listing(symbol="BRVO", tick=cent, lot=one, fractionable=True),
            Listing(
                symbol=COIN,
                tick=cent,
                lot=Decimal("0.000000001"),
                asset_class=AssetClass.CRYPTO,
                fractionable=True,
                shortable=False,
                easy_to_borrow=False,
                marginable=False,
            ),
        ),
        accounts=(
            AccountOpening(name=FIRST, cash=CASH, shorting=False),
            AccountOpening(name=SECOND, cash=CASH, shorting=True),
        ),
        sessions=(
            Session(
                date="2026-11-20",
                open=OPEN,
                close=CLOSE,
                early_open=from_rfc3339("2026-11-20T09:00:00Z"),
                late_close=from_rfc3339("2026-11-21T01:00:00Z"),
            ),
            Session(date="2026-11-23", open=NEXT_OPEN, close=from_rfc3339("2026-11-23T21:00:00Z")),
        ),
        fees=FeeSchedule(
            sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")
        ),
        market_reserve_percent=3,
    )
    return replace(settings, **changes)


class NoLog:
    """Keeps nothing: a venue without a memory."""

    def read(self) -> Iterator[bytes]:
        """Nothing."""
        return iter(())

    def append(self, entry: bytes) -> None:
        """Forget it."""


class SmallVenue:
    """A desk and the hand on its market: `minute` counts those that have been told since the open."""

    def __init__(self, settings: Settings | None = None, log: Log | None = None) -> None:
        self.desk = Desk(settings or small_settings(), log or NoLog())
        self.minute = 0
        self.address = ""

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://{self.address}"

    @property
    def stream_url(self) -> str:
        """Where its stream is served."""
        return f"ws://{self.address}/stream"

    def bar(self, *prices: int | str, symbol: str = "ALFA", volume: int = 1_000) -> None:
        """The next minute's bar and its watermark; prices from open to close, one stands for all four."""
        start = Instant(OPEN + self.minute * MINUTE)
        self.minute += 1
        self.bar_at(start, *prices, symbol=symbol, volume=volume)

    def bar_at(self, start: Instant, *prices: int | str, symbol: str = "ALFA", volume: int = 1_000) -> None:
        """A bar of a minute from `start`, and its watermark."""
        first, high, low, last = [Decimal(price) for price in (prices * 4 if len(prices) == 1 else prices)]
        self.desk.hear(
            Bar(
                symbol=Symbol(symbol),
                start=start,
                interval=MINUTE,
                open=first,
                high=high,
                low=low,
                close=last,
                volume=Decimal(volume),
            )
        )
        self.pass_to(Instant(start + MINUTE))

    def pass_to(self, time: Instant) -> None:
        """The market has said everything up to `time`."""
        self.desk.hear(Watermark(time=time))

    @asynccontextmanager
    async def served(self, app: Any) -> AsyncIterator["SmallVenue"]:
        """Over real sockets, for the length of the block; `app` is the face over its desk."""
        async with serving(app) as address:
            self.address = address
            yield self
