"""The orders of a book as rows that can be written down, and the ledger that they were.

Orders name each other and share families, so each is a row that names the others by id. What a row does not
hold follows from its proposal. What the sums are is written down with them: they depend on the order in which
numbers came, to the last nought.
"""

from collections import deque
from decimal import Decimal
from operator import attrgetter

from msgspec import Struct

from agenttrader.model.decisions import Check, Decision
from agenttrader.model.identifiers import AgentName, BrokerOrderId, ClientOrderId, OrderId, Symbol
from agenttrader.model.orders import Effect, OrderState, OrderType, Proposal, Role, Side
from agenttrader.model.times import Instant
from agenttrader.portfolio.ledger import OrderLedger
from agenttrader.portfolio.orders import Family, Order
from agenttrader.portfolio.reserves import Reserves, Sums
from agenttrader.portfolio.totals import OrderTotals
from agenttrader.portfolio.working import Stop, Stops, Working

FaceKey = tuple[Symbol, bool]


class Row(Struct, array_like=True, gc=False):
    """One order. `proposal` is None where it is its parent's, as that of a leg is."""

    family: int
    proposal: Proposal | None
    parent: OrderId | None
    protection: tuple[OrderId, ...]
    replaces: OrderId | None
    replaced_by: OrderId | None
    filled_by_leg: dict[Symbol, Decimal] | None
    value_by_leg: dict[Symbol, Decimal] | None
    package: dict[Symbol, BrokerOrderId] | None
    id: OrderId
    adds_risk: bool
    awaited: bool
    broker_id: BrokerOrderId | None
    client_id: ClientOrderId | None
    decided: Instant | None
    decision: Decision | None
    denial: Check | None
    denied_by: str | None
    effect: Effect
    filled: Decimal
    filled_value: Decimal
    limit_price: Decimal | None
    multiplier: Decimal
    quantity: Decimal
    reserve_price: Decimal
    reserved: Decimal
    role: Role
    side: Side
    state: OrderState
    stop_price: Decimal | None
    trail_percent: Decimal | None
    trail_price: Decimal | None
    type: OrderType
    updated: Instant


_PLAIN = Row.__struct_fields__[9:]
_plain_of = attrgetter(*_PLAIN)
_NAMED = ("family", "proposal", "parent", "protection", "replaces", "replaced_by")
_BY_LEG = ("filled_by_leg", "value_by_leg", "package")
ORDER_FIELDS = frozenset((*_PLAIN, *_NAMED, *_BY_LEG, "legs", "protects"))
"""Every field of an order: the last two follow from its proposal and role."""


class KeptFamily(Struct, array_like=True, gc=False):
    """What is counted of a family in which something is open, or was when it was last counted."""

    number: int
    orders: tuple[OrderId, ...]
    armed: tuple[OrderId, ...]
    working: list[Working]
    resting: tuple[tuple[bool, Decimal], ...]
    stops: list[tuple[Stop, ...]]


class KeptTotals(Struct):
    """The sums over open orders, under the names that they have there."""

    armed: dict[FaceKey, list[OrderId]]
    _working: dict[Symbol, Working]
    _stops: dict[FaceKey, Stops]
    _loss: Decimal
    _resting: dict[FaceKey, list[Decimal]]


class KeptLedger(Struct):
    """Every order in the order in which it came, and what is counted of those that are open."""

    rows: list[Row]
    families: list[KeptFamily]
    by_client_id: dict[ClientOrderId, OrderId]
    by_broker_id: dict[BrokerOrderId, OrderId]
    open_by_symbol: dict[Symbol, list[OrderId]]
    lately: list[OrderId]
    totals: KeptTotals
    open_count: dict[AgentName, int]
    open_count_total: int
    open_notional: dict[AgentName, Decimal]
    open_notional_total: Decimal
    open_longs: Reserves
    open_shorts: Reserves
    open_by_table: Sums[Decimal]


_COUNTED = KeptLedger.__struct_fields__[7:]
_SUMS = KeptTotals.__struct_fields__[1:]
_ARMED, _LATELY, _STALE = "_armed", "_lately", "_stale"
LEDGER_FIELDS = frozenset((*_COUNTED, *KeptLedger.__struct_fields__[2:5], "by_id", _LATELY, "totals"))
TOTALS_FIELDS = frozenset((*_SUMS, _ARMED, _STALE))
FAMILY_FIELDS = frozenset(("legs", *KeptFamily.__struct_fields__[1:]))


def keep_ledger(ledger: OrderLedger) -> KeptLedger:
    """All that the ledger says; what waits to be summed up is summed."""
    ledger.totals.loss()
    numbers: dict[Family, int] = {}
    rows = [_row(order, numbers) for order in ledger.by_id.values()]
    return KeptLedger(
        rows=rows,
        families=[_family(family, number) for family, number in numbers.items() if _is_counted(family)],
        by_client_id={name: order.id for name, order in ledger.by_client_id.items()},
        by_broker_id={name: order.id for name, order in ledger.by_broker_id.items()},
        open_by_symbol={symbol: list(orders) for symbol, orders in ledger.open_by_symbol.items()},
        lately=[order.id for order in getattr(ledger, _LATELY)],
        totals=_totals(ledger.totals),
        **{name: getattr(ledger, name) for name in _COUNTED},
    )


def revive_ledger(kept: KeptLedger, ledger: OrderLedger) -> None:
    """Make an empty ledger what was kept. Raises KeyError where a row names an order that has none."""
    families: dict[int, Family] = {}
    by_id = ledger.by_id
    for row in kept.rows:
        by_id[row.id] = _order(row, by_id, families)
    for row in kept.rows:
        order = by_id[row.id]
        order.parent = None if row.parent is None else by_id[row.parent]
        order.protection = tuple([by_id[each] for each in row.protection])
        order.replaces = None if row.replaces is None else by_id[row.replaces]
        order.replaced_by = None if row.replaced_by is None else by_id[row.replaced_by]
    for each in kept.families:
        family = families[each.number]
        family.orders = tuple([by_id[name] for name in each.orders])
        family.armed = tuple([by_id[name] for name in each.armed])
        family.working, family.resting, family.stops = each.working, each.resting, each.stops
    ledger.by_client_id = {name: by_id[order] for name, order in kept.by_client_id.items()}
    ledger.by_broker_id = {name: by_id[order] for name, order in kept.by_broker_id.items()}
    ledger.open_by_symbol = {
        symbol: {name: by_id[name] for name in orders} for symbol, orders in kept.open_by_symbol.items()
    }
    setattr(ledger, _LATELY, deque([by_id[name] for name in kept.lately]))
    for name in _COUNTED:
        setattr(ledger, name, getattr(kept, name))
    for name in _SUMS:
        setattr(ledger.totals, name, getattr(kept.totals, name))
    armed = {face: {name: by_id[name] for name in orders} for face, orders in kept.totals.armed.items()}
    setattr(ledger.totals, _ARMED, armed)


def _row(order: Order, numbers: dict[Family, int]) -> Row:
    parent = order.parent
    return Row(
        numbers.setdefault(order.family, len(numbers)),
        None if parent is not None and order.proposal is parent.proposal else order.proposal,
        None if parent is None else parent.id,
        tuple([leg.id for leg in order.protection]),
        None if order.replaces is None else order.replaces.id,
        None if order.replaced_by is None else order.replaced_by.id,
        order.filled_by_leg,
        dict(order.value_by_leg) or None,
        dict(order.package) or None,
        *_plain_of(order),
    )


def _order(row: Row, by_id: dict[OrderId, Order], families: dict[int, Family]) -> Order:
    proposal = row.proposal
    if proposal is None:
        assert row.parent is not None, f"{row.id}: expected a proposal, or a parent that has it"
        proposal = by_id[row.parent].proposal
    family = families.get(row.family)
    if family is None:
        family = families[row.family] = Family(proposal.legs)
    order = Order(proposal, row.role, row.updated, family)
    for name, value in zip(_PLAIN, _plain_of(row), strict=True):
        setattr(order, name, value)
    order.filled_by_leg = row.filled_by_leg
    if row.value_by_leg is not None:
        order.value_by_leg = row.value_by_leg
    if row.package is not None:
        order.package = row.package
    return order


def _is_counted(family: Family) -> bool:
    return bool(family.orders or family.armed or family.resting or any(family.stops))


def _family(family: Family, number: int) -> KeptFamily:
    return KeptFamily(
        number,
        tuple([order.id for order in family.orders]),
        tuple([order.id for order in family.armed]),
        family.working,
        family.resting,
        family.stops,
    )


def _totals(totals: OrderTotals) -> KeptTotals:
    return KeptTotals(
        armed={face: list(orders) for face, orders in getattr(totals, _ARMED).items()},
        **{name: getattr(totals, name) for name in _SUMS},
    )
