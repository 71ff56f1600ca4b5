"""One order in the place of another: which may be replaced and by what, and what follows from the outcome.

The broker makes a new order in the place of the old one, which ends, and its legs go over to it. Until one
of the two has ended, both stand in the book, and the larger counts. It is decided as a proposal of its own by
the whole catalogue. A lost answer leaves both unknown; the old one's end tells what became of the other.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import structs

from agenttrader.model.errors import BadValue
from agenttrader.model.events import Event, Rejected, Replaced, ReplaceRefused, ReplaceRequested
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instructions import Replacing
from agenttrader.model.market import Mark
from agenttrader.model.orders import (
    WITH_LIMIT,
    WITH_STOP,
    Changes,
    Effect,
    ExitPlan,
    OrderState,
    OrderType,
    Proposal,
    Role,
    TimeInForce,
)
from agenttrader.model.times import Instant
from agenttrader.model.transitions import Trigger, next_state
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.inputs import ReplaceAsked

_CONFIRMED = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED})
_NEVER_CAME = frozenset({OrderState.REJECTED, OrderState.WITHHELD, OrderState.CANCELED, OrderState.EXPIRED})


def replacement_of(
    book: Book, asked: ReplaceAsked, marks: Mapping[Symbol, Mark], now: Instant
) -> Proposal | str:
    """What is to be decided, or the sentence with which it is refused before that."""
    order = book.orders.by_id.get(asked.order_id)
    if order is None or order.agent != asked.agent:
        return f"no order {asked.order_id} of yours is known"
    fault = _fault_of(order) or _fault_of_changes(order, asked.changes) or _bares(book, order, asked.changes)
    if fault:
        return fault
    try:
        return _proposal(order, asked, marks.get(order.legs[0].symbol), now)
    except BadValue as error:
        return str(error)


def repeats(known: Order, asked: ReplaceAsked) -> bool:
    """Whether this is what the order of that id was asked for by: asked again, it is the same one."""
    made = known.proposal
    trail = made.trail_percent if made.trail_price is None else made.trail_price
    has = Changes(
        quantity=made.quantity,
        limit_price=made.limit_price,
        stop_price=made.stop_price,
        trail=trail,
        time_in_force=made.time_in_force,
    )
    wanted = structs.asdict(asked.changes)
    return (made.replaces, made.agent) == (asked.order_id, asked.agent) and all(
        value is None or value == getattr(has, name) for name, value in wanted.items()
    )


def replacing_of(order: Order, proposal: Proposal) -> Replacing:
    """What of `order` the broker is asked to change so that it is as proposed."""
    assert order.broker_id is not None, f"{order.id}: expected an order that the broker has confirmed"
    trail = proposal.trail_percent if proposal.trail_price is None else proposal.trail_price
    return Replacing(
        broker_order_id=order.broker_id,
        changes=Changes(
            quantity=_news(order.quantity, proposal.quantity),
            limit_price=_news(order.limit_price, proposal.limit_price),
            stop_price=_news(order.stop_price, proposal.stop_price),
            trail=_news(_trail_of(order), trail),
            time_in_force=None
            if proposal.time_in_force is order.proposal.time_in_force
            else proposal.time_in_force,
        ),
    )


def requested(proposal: Proposal) -> ReplaceRequested:
    """The record that the order is about to be replaced by what was approved."""
    assert proposal.replaces is not None, f"{proposal.id}: expected one that replaces another"
    return ReplaceRequested(
        order_id=proposal.replaces, replacement=proposal.id, by=proposal.agent, reason=proposal.reason
    )


def family(order: Order) -> tuple[Order, ...]:
    """The order, its legs, and those of what came in its place."""
    new = order.replaced_by
    return (order, *order.protection, *(() if new is None else (new, *new.protection)))


def implied(order: Order, time: Instant) -> Iterator[Event]:
    """What a fill of `order` says of the one in whose place it was to come: it has come."""
    old = order.replaces
    if old is not None and order.is_replacing and next_state(old.state, Trigger.REPLACE) is not None:
        yield Replaced(order_id=old.id, time=time)


def settled(order: Order, time: Instant, *, is_refused: bool = False) -> Iterator[Event]:
    """What follows from where `order` stands for the one that it replaces, and the one that replaces it.

    An order that has ended, and not for another, can have none in its place; nor has one of which the broker
    has just refused to be replaced. That it works again, as after a refused cancel, says nothing.
    """
    old, new = order.replaces, order.replaced_by
    if old is not None and order.state in _NEVER_CAME and old.state is OrderState.REPLACE_REQUESTED:
        yield ReplaceRefused(order_id=old.id, time=time, reason=f"order {order.id} did not come in its place")
    if new is not None and new.state is OrderState.UNKNOWN:
        has_ended = order.state.is_terminal and order.state is not OrderState.REPLACED
        if has_ended or is_refused:
            reason = f"order {order.id} was not replaced: it is {order.state.value}"
            yield Rejected(order_id=new.id, time=time, reason=reason)


def _fault_of(order: Order) -> str:
    if order.state.is_terminal:
        return f"the order is {order.state.value} already"
    if order.state is OrderState.PENDING_APPROVAL:
        return "the order waits for a person, who was shown it as it is; cancel it, and propose another"
    if order.effect is Effect.CLOSE:
        return "a close is not replaced: what protected the position was canceled for it; let it go on"
    if len(order.legs) != 1:
        return "an order of several legs is not replaced; cancel it, and propose another"
    is_between = order.is_replacing or order.replacement is not None
    if order.state not in _CONFIRMED or order.broker_id is None or is_between:
        return f"the order is {order.state.value}: the broker has not confirmed it; ask again when it has"
    return ""


def _fault_of_changes(order: Order, changes: Changes) -> str:
    has_trail = order.type is OrderType.TRAILING_STOP
    for name, value, exists in (
        ("limit_price", changes.limit_price, order.type in WITH_LIMIT),
        ("stop_price", changes.stop_price, order.type in WITH_STOP),
        ("trail", changes.trail, has_trail),
    ):
        if value is not None and not exists:
            return f"{name}: a {order.type.value} order has none, found {value}"
    if _is_of_several(order) and (changes.quantity is not None or changes.time_in_force is not None):
        return "of an order with legs, and of a leg, only limit_price and stop_price can be another"
    if changes.quantity is not None and changes.quantity <= order.filled:
        return f"quantity: expected more than is filled, {order.filled:f}, found {changes.quantity:f}"
    time = order.proposal.time_in_force
    has = Changes(
        quantity=order.quantity,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        trail=_trail_of(order),
        time_in_force=time,
    )
    wanted = structs.asdict(changes)
    if all(value is None or value == getattr(has, name) for name, value in wanted.items()):
        return "changes: expected at least one value that is another, found none"
    if changes.time_in_force is not None and not (changes.time_in_force.rests and time.rests):
        return f"time_in_force: expected day or gtc for both, found {changes.time_in_force.value}"
    return ""


def _bares(book: Book, order: Order, changes: Changes) -> str:
    """Why a position would not be protected any more, or for a shorter time; empty where it would."""
    if not order.protects:
        return ""
    if changes.time_in_force is TimeInForce.DAY:
        return "it protects a position: expected gtc, for what rests for the day ends with it"
    less = order.quantity - (order.quantity if changes.quantity is None else changes.quantity)
    symbol = order.legs[0].symbol
    if less > 0 and order.role is Role.STOP and abs(book.position(symbol)) > book.covered(symbol) - less:
        return "quantity: expected no less of what protects a position; close it, or reduce it first"
    return ""


def _proposal(order: Order, asked: ReplaceAsked, mark: Mark | None, now: Instant) -> Proposal:
    """The order as it is at the broker, with the changes. Raises BadValue for what no order can be."""
    old, changes = order.proposal, asked.changes
    trail_price, trail_percent = order.trail_price, order.trail_percent
    if changes.trail is not None:
        trail_price = None if trail_price is None else changes.trail
        trail_percent = None if trail_percent is None else changes.trail
    return structs.replace(
        old,
        id=asked.replacement,
        replaces=order.id,
        side=order.side,
        type=order.type,
        effect=order.effect,
        quantity=_or(changes.quantity, order.quantity),
        limit_price=_or(changes.limit_price, order.limit_price),
        stop_price=_or(changes.stop_price, order.stop_price),
        trail_price=trail_price,
        trail_percent=trail_percent,
        time_in_force=changes.time_in_force or old.time_in_force,
        extended_hours=old.extended_hours and order.parent is None,
        exit_plan=_plan(order),
        reason=asked.reason,
        decision_price=old.decision_price if mark is None else mark.price,
        decision_time=now,
        correlation_id=asked.correlation_id or old.correlation_id,
        client_order_id=asked.client_order_id,
        valid_until=None,
    )


def _plan(order: Order) -> ExitPlan | None:
    """An entry's plan as its legs are now; of a target, the stop beside it; of other exits, none."""
    plan = order.proposal.exit_plan
    stops = [each.stop_price for each in (*order.pair, *order.protection) if each.role is Role.STOP]
    targets = [each.limit_price for each in order.protection if each.role is Role.TARGET]
    if order.adds_risk and plan is not None:
        return structs.replace(plan, stop=(*stops, plan.stop)[0], target=(*targets, plan.target)[0])
    if order.role is Role.TARGET and plan is not None:
        return ExitPlan(stop=(*stops, plan.stop)[0])
    return None


def _is_of_several(order: Order) -> bool:
    """Whether the broker made several orders at once of which it is one."""
    return order.parent is not None or bool(order.protection)


def _trail_of(order: Order) -> Decimal | None:
    return order.trail_percent if order.trail_price is None else order.trail_price


def _or(wanted: Decimal | None, present: Decimal | None) -> Decimal | None:
    return present if wanted is None else wanted


def _news(before: Decimal | None, after: Decimal | None) -> Decimal | None:
    return None if after == before else after
