"""What the venue lists, what time it has, and which days it trades on, as clients ask for them.

Alpaca documents the filters, that assets are told of `us_equity` unless another class is asked for, and that
its clock and its calendar are in New York's time. Names and exchanges are made up here: what is generated or
replayed is listed nowhere, so the exchange is Alpaca's word for none, and `CRYPTO` for coins.
"""

from agenttrader.app.new_york import stamp
from agenttrader.app.trading_days import calendar_days
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.symbols import asset_id
from agenttrader.model.errors import BadValue
from agenttrader.model.times import rfc3339
from agenttrader.protocols.alpaca_market import ASSET_CLASSES, ASSET_STATUSES, Asset, CalendarDay
from agenttrader.protocols.alpaca_trading import Clock
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.listings import Listing

CRYPTO_EXCHANGE = "CRYPTO"
NO_EXCHANGE = ""


def exchange_name(listing: Listing) -> str:
    """Alpaca's word for where it is listed."""
    return CRYPTO_EXCHANGE if listing.is_coin else NO_EXCHANGE


def asset_answer(listing: Listing) -> Asset:
    """A listing as an asset; every listing is active and tradable, halted or not."""
    is_coin = listing.is_coin
    step = listing.quantity(1)
    return Asset(
        id=asset_id(listing.symbol),
        asset_class=listing.asset_class.value,
        exchange=exchange_name(listing),
        symbol=listing.symbol,
        name=f"{listing.symbol} (simulated)",
        status="active",
        tradable=True,
        marginable=listing.marginable,
        shortable=listing.shortable,
        easy_to_borrow=listing.easy_to_borrow,
        fractionable=listing.fractionable,
        attributes=(),
        min_order_size=step if is_coin else None,
        min_trade_increment=step if is_coin else None,
        price_increment=listing.tick if is_coin else None,
    )


def assets_asked(exchange: Exchange, parameters: Parameters) -> list[Asset]:
    """The assets that are asked for, by symbol. Raises BadValue for parameters that cannot be."""
    status = parameters.word("status", (*sorted(ASSET_STATUSES), ""), "")
    asset_class = parameters.word("asset_class", sorted(ASSET_CLASSES), "us_equity")
    listed_at = parameters.text("exchange")
    attributes = parameters.listed("attributes")
    parameters.finish()
    if attributes is not None or status == "inactive":
        return []  # no listing has any attribute, and none is inactive
    return [
        asset_answer(listing)
        for _, listing in sorted(exchange.books.listings.items())
        if listing.asset_class.value == asset_class
        and (listed_at is None or exchange_name(listing) == listed_at)
    ]


def clock_answer(exchange: Exchange) -> Clock:
    """The data's time and the sessions around it. Raises BadValue where the table has ended."""
    clock = exchange.clock
    next_open, next_close = exchange.sessions.next_open(clock), exchange.sessions.next_close(clock)
    if next_open is None or next_close is None:
        raise BadValue(f"clock: expected a session after {rfc3339(clock)}, found the calendar's end")
    return Clock(
        timestamp=stamp(clock),
        is_open=exchange.sessions.is_open(clock),
        next_open=stamp(next_open),
        next_close=stamp(next_close),
    )


def calendar_asked(exchange: Exchange, parameters: Parameters) -> list[CalendarDay]:
    """The trading days that are asked for, as far as the venue's calendar goes: from its first day on."""
    start, end = parameters.day("start"), parameters.day("end")
    settled = parameters.word("date_type", ("TRADING", "SETTLEMENT"), "TRADING") == "SETTLEMENT"
    parameters.finish()
    return calendar_days(
        exchange.settings.sessions,
        None if start is None else start.isoformat(),
        None if end is None else end.isoformat(),
        by_settlement=settled,
    )
