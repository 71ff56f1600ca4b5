"""What the gateway's book has, in Alpaca's words, as far as one agent may see it.

Identifiers are UUIDs here, as Alpaca's clients demand: an order's is its own, that of a protective leg is
its entry's with a fixed pattern of bits turned, so each is found from the other. Statuses are those that
alpaca-py knows; where ours say more than Alpaca's can, the table below says what is told.
"""

from decimal import Decimal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from agenttrader.app.gateway.alpaca_symbols import asset_class, asset_id, exchange_of, without_slash
from agenttrader.model.identifiers import AgentName, ExecutionId, OrderId, Symbol, derive_order_id
from agenttrader.model.instruments import Instrument
from agenttrader.model.orders import TERMINAL, Effect, Leg, OrderState, Role, Side
from agenttrader.model.times import Instant, rfc3339
from agenttrader.model.values import NANO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.orders import Order, protective_id
from agenttrader.protocols.alpaca_trading import Order as OrderAnswer
from agenttrader.protocols.alpaca_trading import Position

FRACTION_STEP = Decimal("0.000001")

STATUSES: dict[OrderState, str] = {
    OrderState.PROPOSED: "pending_new",
    OrderState.DENIED: "rejected",  # told of one that had waited for a person; else it has not been
    OrderState.PENDING_APPROVAL: "pending_review",
    OrderState.APPROVED: "pending_new",  # a close that waits until its position's protection has ended
    OrderState.WITHHELD: "rejected",  # Alpaca has no word for an order that the broker never saw
    OrderState.SENDING: "pending_new",
    OrderState.UNKNOWN: "pending_new",
    OrderState.ACCEPTED: "new",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.CANCEL_REQUESTED: "pending_cancel",
    OrderState.REPLACE_REQUESTED: "pending_replace",
    OrderState.SUSPENDED: "suspended",
    OrderState.DONE_FOR_DAY: "done_for_day",
    OrderState.REJECTED: "rejected",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REPLACED: "replaced",
}
HELD = "held"
"""A protective leg whose entry has not filled whole: it cannot trade yet."""

_MASKS = {role: UUID(derive_order_id("leg", role.value)).int for role in (Role.STOP, Role.TARGET)}


class Moment(Struct, frozen=True, gc=False):
    """Where an order stood at one time, which may be earlier than now."""

    status: str
    filled: Decimal
    filled_value: Decimal
    time: Instant


def moment_of(order: Order) -> Moment:
    """Where the order stands now."""
    is_held = order.state not in TERMINAL and not order.is_armed
    return Moment(HELD if is_held else STATUSES[order.state], order.filled, order.filled_value, order.updated)


def wire_id(order: Order) -> str:
    """What the order is called towards Alpaca's clients."""
    entry, _, role = order.id.rpartition("/")
    return _turned(entry, Role(role)) if entry else order.id


def find_order(book: Book, agent: AgentName, name: str) -> Order | None:
    """The agent's order, or protective leg, of that id; None for one that was denied, or another's."""
    if not (uuid := _as_uuid(name)):
        return None
    orders = book.orders.by_id
    legs = (protective_id(_turned(uuid, role), role) for role in _MASKS)
    named = (orders[each] for each in (OrderId(uuid), *legs) if each in orders)
    return next((order for order in named if is_shown(order, agent)), None)


def is_shown(order: Order, agent: AgentName) -> bool:
    """Whether the agent is told of the order: its own, and none that was denied at once: that never was."""
    return order.agent == agent and (order.awaited or order.state is not OrderState.DENIED)


def order_answer(order: Order, instrument: Instrument | None, moment: Moment, *, nested: bool) -> OrderAnswer:
    """The order as it stood at `moment`, with its protective legs as they stand now where `nested`."""
    filled, status, time = moment.filled, moment.status, rfc3339(moment.time)
    is_single = len(order.legs) == 1
    net = moment.filled_value if is_single else moment.filled_value * order.side.sign
    average = _plain(net / filled) if filled else None
    created_at = rfc3339(created(order))
    symbol = order.legs[0].symbol if is_single else None
    legs = order.protection if nested else ()
    found = OrderAnswer(
        id=wire_id(order),
        client_order_id=client_order_id(order),
        created_at=created_at,
        submitted_at=created_at,
        updated_at=time,
        filled_at=time if status == "filled" else None,
        expired_at=time if status == "expired" else None,
        canceled_at=time if status == "canceled" else None,
        failed_at=time if status == "rejected" else None,
        replaced_at=time if status == "replaced" else None,
        replaced_by=_other(order.replaced_by) if status == "replaced" else None,
        replaces=_other(order.replaces),
        asset_id=None if symbol is None else asset_id(symbol),
        symbol=symbol,
        asset_class=asset_class(instrument) if is_single else None,
        qty=order.quantity,
        filled_qty=filled if is_single else _plain(filled),
        filled_avg_price=average,
        order_class=_order_class(order),
        order_type=order.type.value,
        type=order.type.value,
        side=order.side.value if is_single else None,
        position_intent=_intent(order, order.side) if is_single else None,
        time_in_force=order.proposal.time_in_force.value,
        limit_price=_limit_price(order),
        stop_price=order.stop_price,
        status=status,
        extended_hours=order.proposal.extended_hours,
        trail_price=order.trail_price,
        trail_percent=order.trail_percent,
        legs=tuple(order_answer(leg, instrument, moment_of(leg), nested=False) for leg in legs) or None,
    )
    if is_single or not nested:
        return found
    parts = tuple(
        part_answer(order, found, leg, instrument, order.filled_in(leg.symbol)) for leg in order.legs
    )
    return replace(found, legs=parts)


def part_answer(
    order: Order, whole: OrderAnswer, leg: Leg, instrument: Instrument | None, filled: Decimal
) -> OrderAnswer:
    """One leg of an order of several, of which so much has filled; it is told under an id of its own."""
    name = derive_order_id("part", order.id, leg.symbol)
    side = order.side if leg.ratio > 0 else order.side.opposite
    quantity, value = order.quantity * abs(leg.ratio), order.value_by_leg.get(leg.symbol)
    return replace(
        whole,
        id=name,
        client_order_id=name,
        asset_id=asset_id(leg.symbol),
        symbol=leg.symbol,
        asset_class=asset_class(instrument),
        qty=quantity,
        filled_qty=filled,
        filled_avg_price=None if value is None or not filled else _plain(value / order.filled_in(leg.symbol)),
        side=side.value,
        position_intent=_intent(order, side),
        ratio_qty=Decimal(abs(leg.ratio)),
        limit_price=None,
        legs=None,
    )


def _intent(order: Order, side: Side) -> str:
    return f"{side.value}_to_{'open' if order.effect is Effect.OPEN else 'close'}"


def _limit_price(order: Order) -> Decimal | None:
    """Of several legs a net price: above 0 where it is paid."""
    own = order.limit_price
    return own if own is None or len(order.legs) == 1 else own * order.side.sign


def _other(order: Order | None) -> str | None:
    return None if order is None else wire_id(order)


def client_order_id(order: Order) -> str:
    """The client's own id, where it gave one; else the order's."""
    own = None if order.is_leg else order.proposal.client_order_id
    return own or wire_id(order)


def created(order: Order) -> Instant:
    """When the order, or the entry that a leg came with, was decided on; what was adopted, made."""
    decided = order.parent if order.is_leg and order.parent is not None else order
    while order.is_leg and decided.replaces is not None:
        decided = decided.replaces
    if decided.is_adopted:
        return decided.proposal.decision_time
    assert decided.decided is not None, f"{order.id}: expected a decision about it or its entry"
    return decided.decided


def position_answer(
    book: Book, symbol: Symbol, holding: Holding, instrument: Instrument | None, mark: Decimal | None
) -> Position:
    """A holding at the last price; what nobody knows without one is left out."""
    profit = None if mark is None else holding.unrealised(mark)
    left = book.reducible(symbol, cancels_protection=False)
    return Position(
        asset_id=asset_id(symbol),
        symbol=without_slash(symbol),
        exchange=exchange_of(instrument),
        asset_class=asset_class(instrument),
        avg_entry_price=_plain(holding.average_price()),
        qty=holding.quantity,
        side="long" if holding.quantity > 0 else "short",
        cost_basis=holding.cost,
        qty_available=left if holding.quantity > 0 else -left,
        market_value=None if mark is None else holding.value(mark),
        unrealized_pl=profit,
        unrealized_plpc=(profit / abs(holding.cost)).quantize(FRACTION_STEP)
        if profit is not None and holding.cost
        else None,
        current_price=mark,
    )


def _plain(number: Decimal) -> Decimal:
    """The number to the finest that anybody quotes, without the noughts behind it."""
    return number.quantize(NANO).normalize()


def _order_class(order: Order) -> str:
    """Alpaca's word for what belongs together at the broker: an entry with its legs, a pair, or one order."""
    if len(order.legs) > 1:
        return "mleg"
    owner = order.parent or order
    if owner.proposal.is_pair:
        return "oco"
    return ("simple", "oto", "bracket")[len(owner.protection)]


def execution_uuid(execution_id: ExecutionId) -> str:
    """The broker's id where it is a UUID, as alpaca-py demands; else one that is derived from it."""
    return _as_uuid(execution_id) or derive_order_id("execution", execution_id)


def _turned(name: str, role: Role) -> OrderId:
    """The id with the bits of `role` turned; turned twice it is itself."""
    return OrderId(str(UUID(int=UUID(name).int ^ _MASKS[role])))


def _as_uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""
