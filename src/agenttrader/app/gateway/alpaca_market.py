"""What an agent may trade, when the exchange trades, and how the account is used, in Alpaca's words.

All of it is from the configuration: an agent's assets are its own symbols that are configured as instruments,
each tradable where it has limits.
"""

from collections.abc import Iterator

from agenttrader.app.gateway.alpaca_questions import AssetsAsked, CalendarAsked, day_of
from agenttrader.app.gateway.alpaca_symbols import asset_class, asset_id, exchange_of
from agenttrader.app.trading_days import calendar_days
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.instruments import Option, Single, Spread
from agenttrader.model.sessions import Calendar
from agenttrader.protocols.alpaca_account import Configurations
from agenttrader.protocols.alpaca_market import Asset, CalendarDay
from agenttrader.runtime.rules import Rules


def assets_answer(rules: Rules, agent: AgentName, asked: AssetsAsked) -> list[Asset]:
    """Those of the agent's assets that are asked for, by symbol; equities unless told otherwise."""
    if asked.status == "inactive" or asked.attributes:
        return []  # what is configured is active, and no asset has any attribute
    return [
        asset_answer(rules, symbol, instrument)
        for symbol, instrument in sorted(_instruments(rules, agent))
        if asset_class(instrument) == asked.asset_class and asked.exchange in (None, exchange_of(instrument))
    ]


def symbols_of(rules: Rules, agent: AgentName) -> list[Symbol]:
    """What the agent may trade: its own symbols that are single instruments."""
    return [symbol for symbol, _ in _instruments(rules, agent)]


def asset_answer(rules: Rules, symbol: Symbol, instrument: Single) -> Asset:
    """One asset. Its steps are told of every kind, for ccxt rounds by them.

    The gateway knows of no margin, and of no list of what is easy to borrow: both are told as no.
    """
    limits = rules.limits.symbol.get(symbol)
    return Asset(
        id=asset_id(symbol),
        asset_class=asset_class(instrument),
        exchange=exchange_of(instrument),
        symbol=symbol,
        name=symbol,
        status="active",
        tradable=limits is not None,
        marginable=False,
        shortable=limits is not None and limits.shorting_permitted,
        easy_to_borrow=False,
        fractionable=instrument.lot % 1 != 0,
        attributes=(),
        min_order_size=instrument.lot,
        min_trade_increment=instrument.lot,
        price_increment=instrument.tick,
    )


def calendar_answer(calendar: Calendar, asked: CalendarAsked) -> list[CalendarDay]:
    """The trading days that are asked for; all that are known where neither a first nor a last is.

    Raises BadValue for days of which the calendar says nothing: they are not closed, they are unknown.
    """
    start, end = day_of(asked.start, "start"), day_of(asked.end, "end")
    first, last = calendar.sessions[0].date, calendar.sessions[-1].date
    for name, day in (("start", start), ("end", end)):
        if day is not None and not first <= day <= last:
            raise BadValue(
                f"{name}: expected a day from {first} to {last}, of which the calendar knows, found {day}"
            )
    return calendar_days(calendar.sessions, start, end, by_settlement=asked.date_type == "SETTLEMENT")


def configurations_answer(rules: Rules, agent: AgentName, *, is_blocked: bool) -> Configurations:
    """What holds for the agent. What the broker itself has set is not known, and is told as Alpaca begins."""
    owned = [asset_answer(rules, *found) for found in _instruments(rules, agent)]
    has_options = any(isinstance(instrument, Option) for _, instrument in _instruments(rules, agent))
    return Configurations(
        dtbp_check="entry",
        fractional_trading=any(asset.fractionable for asset in owned),
        max_margin_multiplier="1",
        no_shorting=not any(asset.shortable for asset in owned),
        pdt_check="entry",
        suspend_trade=is_blocked,
        trade_confirm_email="none",
        ptp_no_exception_entry=False,
        max_options_trading_level=2 if has_options else 0,
        disable_overnight_trading=True,
    )


def _instruments(rules: Rules, agent: AgentName) -> Iterator[tuple[Symbol, Single]]:
    grant = rules.grants.get(agent)
    for symbol in () if grant is None else grant.symbols:
        instrument = rules.instruments.get(symbol)
        if instrument is not None and not isinstance(instrument, Spread):
            yield symbol, instrument
