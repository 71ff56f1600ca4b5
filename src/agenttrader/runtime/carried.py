"""What is carried already of what a table of limits counts: read from kept totals, never by a walk."""

from decimal import Decimal

from msgspec import Struct

from agenttrader.gateway.limits import GroupName
from agenttrader.gateway.snapshot import GroupView
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.instruments import Instrument, Option
from agenttrader.portfolio.marked_book import MarkedBook, Valuation
from agenttrader.portfolio.scopes import Table, agent_table, expiry_table, strategy_table
from agenttrader.runtime.state import State


def gross_exposure(table: Table, state: State, valued: MarkedBook) -> Decimal:
    """Σ |position| at the marks of what the table counts, with all that works to enter."""
    return valued.gross_of(table) + state.book.orders.open_by_table.within(table, valued.scopes)


def net_exposure(table: Table, way: Decimal | int, state: State, valued: MarkedBook) -> Decimal:
    """Σ position at the marks of what the table counts, with all that works to enter the same `way`.

    That is long where `way` is above 0, else short; what goes the other way need not fill.
    """
    orders, held = state.book.orders, valued.net_of(table)
    if way > 0:
        return orders.open_longs.within(table, valued.scopes) + held
    return orders.open_shorts.within(table, valued.scopes) - held


class Sides(Struct, frozen=True, gc=False):
    """What is long and what is short, unsigned, each with what works to enter it."""

    long: Decimal
    short: Decimal


def sides_of_account(value: Valuation, state: State) -> Sides:
    """Those of the account, which is worth `value`."""
    orders = state.book.orders
    longs, shorts = orders.open_longs.total, orders.open_shorts.total
    return _sides(value.gross_exposure, value.net_exposure, longs, shorts)


def sides_of_agent(name: AgentName, state: State, valued: MarkedBook) -> Sides:
    """Those of an agent's symbols."""
    table, orders = agent_table(name), state.book.orders
    longs, shorts = orders.open_longs.of(name), orders.open_shorts.of(name)
    return _sides(valued.gross_of(table), valued.net_of(table), longs, shorts)


def _sides(gross: Decimal, net: Decimal, open_longs: Decimal, open_shorts: Decimal) -> Sides:
    held_long = (gross + net) / 2
    return Sides(held_long + open_longs, gross - held_long + open_shorts)


def groups_of(symbol: Symbol, quantity: Decimal, state: State, valued: MarkedBook) -> tuple[GroupView, ...]:
    """The groups that a symbol is in, with what each carries in the direction of `quantity`."""
    tables = valued.scopes.groups_of(symbol)
    return tuple([_group_of(table, quantity, state, valued) for table in tables]) if tables else ()


def _group_of(table: Table, quantity: Decimal, state: State, valued: MarkedBook) -> GroupView:
    net = net_exposure(table, quantity, state, valued)
    entries, new_risk = of_today(table, state, valued)
    name, gross = GroupName(table[1]), gross_exposure(table, state, valued)
    return GroupView(name, gross, net, entries, new_risk)


def expiry_exposure(instrument: Instrument | None, state: State, valued: MarkedBook) -> Decimal | None:
    """The gross exposure of all options that end on the day on which this one does; None: it is no option."""
    if not isinstance(instrument, Option):
        return None
    return gross_exposure(expiry_table(instrument.expiry), state, valued)


class OfStrategy(Struct, frozen=True, gc=False):
    """What a strategy carries; None throughout where there is none."""

    gross_exposure: Decimal | None = None
    entries_today: int | None = None
    new_risk_today: Decimal | None = None


def of_strategy(name: StrategyName, state: State, valued: MarkedBook) -> OfStrategy:
    """Its gross exposure, its entries of the day, and what they may cost."""
    if not name:
        return OfStrategy()
    table = strategy_table(name)
    return OfStrategy(gross_exposure(table, state, valued), *of_today(table, state, valued))


def of_today(table: Table, state: State, valued: MarkedBook) -> tuple[int | None, Decimal | None]:
    """The entries that were approved since the day opened, and what they may cost; None before one has."""
    if state.day is None:
        return None, None
    entries, scopes = state.entries, valued.scopes
    return entries.count_by_table.within(table, scopes), entries.risk_by_table.within(table, scopes)
