"""What each kind of source offers to clients: its channels, what it knows, and what is derived for it.

Where a day was generated, quotes, trades and corrections are invented too, by a rule. Where it was recorded
nothing is: quotes come from its file or not at all, and it has no trades and no corrections. Price bands and
daily bars follow from bars by published rules, so both have them.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from msgspec import Struct

from agenttrader.app.marketdata.aggregation import Actions
from agenttrader.app.marketdata.telling import Story, Teller
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Told
from agenttrader.model.sessions import Session
from agenttrader.simulation.bands import Bands
from agenttrader.simulation.tape import tell_minute

_FROM_BARS = frozenset({"bars", "dailyBars", "lulds", "statuses"})


class Offer(Struct, frozen=True, kw_only=True, eq=False):
    """What a source offers for one day."""

    channels: frozenset[str]
    """By the names of Alpaca's channels; what has a past and a latest, too."""
    actions: Actions
    story: Story | None
    bands: Mapping[Symbol, Bands]

    def teller(self, publish: Callable[[Told], None]) -> Teller:
        """Who tells it to `publish`; once, for bands remember what they have seen."""
        return Teller(publish, story=self.story, bands=self.bands)


def generated_offer(session: Session, previous_closes: Mapping[Symbol, Decimal], seed: int) -> Offer:
    """Of a generated day. Its symbols are invented, so it is known that they never split and never paid."""
    return Offer(
        channels=_FROM_BARS | {"quotes", "trades", "updatedBars"},
        actions=Actions(splits=(), without_dividends=True),
        story=partial(tell_minute, seed=seed),
        bands={symbol: Bands(symbol, session, close) for symbol, close in previous_closes.items()},
    )


def recorded_offer(
    session: Session, previous_closes: Mapping[Symbol, Decimal | None], *, quotes: bool
) -> Offer:
    """Of a recorded day, with quotes where they were recorded. A file of prices knows of no split."""
    return Offer(
        channels=_FROM_BARS | {"quotes"} if quotes else _FROM_BARS,
        actions=Actions(splits=None, without_dividends=False),
        story=None,
        bands={symbol: Bands(symbol, session, close) for symbol, close in previous_closes.items()},
    )


def live_offer() -> Offer:
    """Of a real market as it happens: nothing is invented, and nothing is known of splits and dividends."""
    return Offer(
        channels=frozenset({"bars", "dailyBars", "statuses"}),
        actions=Actions(splits=None, without_dividends=False),
        story=None,
        bands={},
    )
