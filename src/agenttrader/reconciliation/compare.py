"""Where do our book and the broker's statement differ?

A difference is one *subject* of which the two do not say the same. Subjects are: the account's number,
its being blocked, its cash, the position in a symbol, an order that works, an execution of the day, and
whatever else the broker says moved the account.

1. Every difference gives exactly one break.
2. Equal inputs give none, but for what is no agreement even so: an order that is UNKNOWN, a blocked account.
3. The result does not depend on the order of the inputs, nor on something being said twice.
4. Nothing is repaired here, and nothing is forgiven: quantities and cash are exact Decimals, and there is no
   tolerance (10 and 10.00 are the same number).

A statement of another account says nothing about ours: WRONG_ACCOUNT is then the only break. An empty list is
not a flat account: for every position that we hold and the broker does not state there is a break.

A statement is compared when the book has taken in what the broker reported before it was read; what is under
way between the two (an order whose answer is awaited, a fill not yet told) is a difference like any other.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.identifiers import (
    AccountName,
    ActivityId,
    BrokerOrderId,
    ClientOrderId,
    ExecutionId,
    OrderId,
    Symbol,
)
from agenttrader.model.orders import Side
from agenttrader.model.reports import BrokerOrder, BrokerPosition, BrokerStatement
from agenttrader.model.values import ZERO
from agenttrader.reconciliation.unknown import NOTHING, Move, trace_of


class BookOrder(Struct, frozen=True, kw_only=True):
    """An order that we believe works at the broker.

    `client_order_id` is None for a leg that the broker made, `broker_order_id` until the broker accepted.
    """

    order_id: OrderId
    client_order_id: ClientOrderId | None
    broker_order_id: BrokerOrderId | None
    symbol: Symbol
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    moves: tuple[Move, ...] = ()
    """Of an order in `unknown_orders`: what the rest of it would add to each position."""


class BookStatement(Struct, frozen=True, kw_only=True):
    """What our book says of the account, in the words that a broker's statement can be compared with."""

    account: AccountName
    cash: Decimal
    """Without the fees that are only estimated."""
    positions: tuple[tuple[Symbol, Decimal], ...]
    """Signed quantities; a symbol that is flat may be left out."""
    working_orders: tuple[BookOrder, ...]
    """What works at the broker, legs included, but for the orders in `unknown_orders`."""
    unknown_orders: tuple[BookOrder, ...]
    """Orders that left and whose answer never came."""
    executions: tuple[ExecutionId, ...]
    """Every execution of the day that the book has taken in."""
    activities: frozenset[ActivityId]
    """Whatever else the broker posted and the book has taken in."""


NOT_WORKING = "not working"
"""What our book says of an order that the broker shows open, and that it does not have."""
_URGENCY = {
    kind: place
    for place, kind in enumerate(
        (
            BreakKind.WRONG_ACCOUNT,
            BreakKind.ACCOUNT_BLOCKED,
            BreakKind.ORDER_UNKNOWN,
            BreakKind.POSITION,
            BreakKind.ORDER_MISSING_HERE,
            BreakKind.ORDER_MISSING_AT_BROKER,
            BreakKind.ORDER_QUANTITY,
            BreakKind.EXECUTION_MISSING_HERE,
            BreakKind.EXECUTION_MISSING_AT_BROKER,
            BreakKind.ACTIVITY,
            BreakKind.CASH,
        )
    )
}
"""Every kind that a comparison can find, what an operator reads first in front."""


def compare(ours: BookStatement, theirs: BrokerStatement) -> tuple[Break, ...]:
    """Every difference, the most urgent first; within a kind by symbol and then by its words."""
    if ours.account != theirs.account:
        return (_wrong_account(ours.account, theirs.account),)
    breaks = (
        *_blocked(theirs),
        *_orders(ours, theirs),
        *_positions(ours, theirs),
        *_executions(frozenset(ours.executions), frozenset(theirs.executions)),
        *_activities(ours.activities, theirs.activities),
        *_cash(ours.cash, theirs.cash),
    )
    return tuple(sorted(breaks, key=_place))


def _place(found: Break) -> tuple[int, str, str]:
    return _URGENCY[found.kind], found.symbol or "", found.sentence


def _wrong_account(ours: str, theirs: str) -> Break:
    return Break(
        kind=BreakKind.WRONG_ACCOUNT,
        ours=ours,
        theirs=theirs,
        sentence=f"The statement is of account {theirs}, our book of account {ours}: nothing was compared. "
        "Check the credentials and the broker's address before anything else.",
    )


def _blocked(theirs: BrokerStatement) -> Iterable[Break]:
    if theirs.permits.is_blocked:
        yield Break(
            kind=BreakKind.ACCOUNT_BLOCKED,
            ours="not blocked",
            theirs="blocked",
            sentence=f"The broker has blocked account {theirs.account}: it may refuse orders, exits too. "
            "Ask the broker why; protection that rests there may no longer work.",
        )


def _orders(ours: BookStatement, theirs: BrokerStatement) -> Iterable[Break]:
    at_broker = _by_broker_id(theirs.open_orders)
    ids_by_client_id: dict[ClientOrderId, BrokerOrderId] = {}
    for broker_id in sorted(at_broker):
        # Of several under one client id the first is ours, and each other is missing here.
        ids_by_client_id.setdefault(at_broker[broker_id][0].client_order_id, broker_id)
    matched: set[BrokerOrderId] = set()
    unknown = {order.order_id: order for order in ours.unknown_orders}
    # An order of several legs works in each of their symbols.
    working = {
        (order.order_id, order.symbol): order
        for order in ours.working_orders
        if order.order_id not in unknown
    }
    for order in (*unknown.values(), *working.values()):
        # An order without a client id was made by the broker, and is found by the broker's id alone.
        client_id = order.client_order_id
        known_as = order.broker_order_id or (ids_by_client_id.get(client_id) if client_id else None)
        stated = at_broker.get(known_as, ()) if known_as else ()
        if known_as:
            matched.add(known_as)
        if order.order_id in unknown:
            yield _unknown_order(order, stated, _trace(order, ours, theirs))
        elif not stated:
            yield _missing_at_broker(order)
        elif any(not _same_terms(order, one) for one in stated):
            yield _different_terms(order, stated)
    for broker_id, stated in at_broker.items():
        if broker_id not in matched:
            yield _missing_here(stated)


def _by_broker_id(orders: Iterable[BrokerOrder]) -> dict[BrokerOrderId, tuple[BrokerOrder, ...]]:
    """What is said of each order; several different things only where the broker contradicts itself."""
    stated: dict[BrokerOrderId, set[BrokerOrder]] = {}
    for order in orders:
        stated.setdefault(order.broker_order_id, set()).add(order)
    return {broker_id: tuple(sorted(said, key=_terms)) for broker_id, said in stated.items()}


def _same_terms(ours: BookOrder, theirs: BrokerOrder) -> bool:
    return (
        (ours.symbol, ours.side) == (theirs.symbol, theirs.side)
        and ours.quantity == theirs.quantity
        and ours.filled_quantity == theirs.filled_quantity
    )


def _trace(order: BookOrder, ours: BookStatement, theirs: BrokerStatement) -> str:
    """What the broker's positions show of an order whose answer never came."""
    held, stated = _held(ours.positions), _stated(theirs.positions)
    symbols = {symbol for symbol, _ in order.moves}
    others = (move for other in ours.unknown_orders if other != order for move in other.moves)
    return trace_of(
        order.moves,
        {symbol: stated.get(symbol, ZERO) - held.get(symbol, ZERO) for symbol in symbols},
        is_alone=not any(symbol in symbols for symbol, _ in others),
        is_accounted=frozenset(theirs.executions) <= frozenset(ours.executions),
    )


def _unknown_order(order: BookOrder, stated: tuple[BrokerOrder, ...], trace: str) -> Break:
    name = order.client_order_id or "none"
    if stated:
        said, do = f"the broker shows it open: {_all_terms(stated)}", "compare again, and it is told"
    else:
        said = f"the broker does not know it by its client order id {name}, and shows {trace}"
        do = (
            "make sure at the broker that it will not come, and accept this: then it ends"
            if trace == NOTHING
            else "find it at the broker, and settle the other breaks first"
        )
    return Break(
        kind=BreakKind.ORDER_UNKNOWN,
        ours=_terms(order),
        theirs=_all_terms(stated) or trace,
        sentence=f"Order {order.order_id} ({_terms(order)}) left and no answer came; {said}. It counts as "
        f"if it may fill, for as long as that takes. Do not send it again: {do}.",
        symbol=order.symbol,
        order_id=order.order_id,
    )


def _missing_at_broker(order: BookOrder) -> Break:
    return Break(
        kind=BreakKind.ORDER_MISSING_AT_BROKER,
        ours=_terms(order),
        theirs="not open",
        sentence=f"By our book, order {order.order_id} ({_terms(order)}) works at the broker, and the broker "
        "does not show it open. If it protects a position, that position may be unprotected.",
        symbol=order.symbol,
        order_id=order.order_id,
    )


def _different_terms(order: BookOrder, stated: tuple[BrokerOrder, ...]) -> Break:
    return Break(
        kind=BreakKind.ORDER_QUANTITY,
        ours=_terms(order),
        theirs=_all_terms(stated),
        sentence=f"Order {order.order_id} is {_terms(order)} here, and {_all_terms(stated)} at the broker.",
        symbol=order.symbol,
        order_id=order.order_id,
    )


def _missing_here(stated: tuple[BrokerOrder, ...]) -> Break:
    order = stated[0]
    return Break(
        kind=BreakKind.ORDER_MISSING_HERE,
        ours=NOT_WORKING,
        theirs=_all_terms(stated),
        sentence=f"The broker shows an open order {order.broker_order_id} ({_all_terms(stated)}, client id "
        f"{order.client_order_id}) that does not work in our book. It can fill: find out who sent it, "
        "or cancel it at the broker.",
        symbol=order.symbol,
    )


def _positions(ours: BookStatement, theirs: BrokerStatement) -> Iterable[Break]:
    held, stated = _held(ours.positions), _stated(theirs.positions)
    for symbol in held.keys() | stated.keys():
        here, there = held.get(symbol, ZERO), stated.get(symbol, ZERO)
        if here == there:
            continue
        yield Break(
            kind=BreakKind.POSITION,
            ours=_number(here),
            theirs=_number(there),
            sentence=f"In {symbol} we are {_holding(here)}, the broker says {_holding(there)}: a difference "
            f"of {_number(abs(here - there))}. Until it is settled, an exit of ours could be the wrong size.",
            symbol=symbol,
        )


def _held(positions: Iterable[tuple[Symbol, Decimal]]) -> dict[Symbol, Decimal]:
    held: dict[Symbol, Decimal] = {}
    for symbol, quantity in frozenset(positions):
        held[symbol] = held.get(symbol, ZERO) + quantity
    return held


def _stated(positions: Iterable[BrokerPosition]) -> dict[Symbol, Decimal]:
    """A symbol stated in several lots is held as their sum; the very same lot said twice is one."""
    stated: dict[Symbol, Decimal] = {}
    for position in frozenset(positions):
        stated[position.symbol] = stated.get(position.symbol, ZERO) + position.quantity
    return stated


def _executions(ours: frozenset[ExecutionId], theirs: frozenset[ExecutionId]) -> Iterable[Break]:
    for execution in theirs - ours:
        yield Break(
            kind=BreakKind.EXECUTION_MISSING_HERE,
            ours="not in the book",
            theirs=execution,
            sentence=f"The broker lists execution {execution}, and our book has not taken it in: ask for the "
            "order history again; if it stays, positions and cash here are wrong.",
        )
    for execution in ours - theirs:
        yield Break(
            kind=BreakKind.EXECUTION_MISSING_AT_BROKER,
            ours=execution,
            theirs="not listed",
            sentence=f"Our book has execution {execution}, and the broker does not list it: it may have been "
            "taken back by the exchange.",
        )


def _activities(ours: frozenset[ActivityId], theirs: Iterable[AccountActivity]) -> Iterable[Break]:
    for activity in dict.fromkeys(theirs):
        if activity.id not in ours:
            yield Break(
                kind=BreakKind.ACTIVITY,
                ours="not in the book",
                theirs=f"{activity.word} {activity.id}",
                sentence=f"The broker posted {activity.word} for {activity.date}: {_moved(activity)}. "
                f"{_why_not(activity)} See activity {activity.id} at the broker.",
                symbol=activity.symbol,
            )


def _moved(activity: AccountActivity) -> str:
    units = f" and {_number(activity.quantity)} {activity.symbol}" if activity.symbol else ""
    return f"{_number(activity.amount)} in cash{units}"


def _why_not(activity: AccountActivity) -> str:
    match activity.kind:
        case ActivityKind.UNTREATED:
            return "There is no treatment for that here, and our book has not taken it in."
        case ActivityKind.SPLIT | ActivityKind.COIN_FEE:
            return "It does not lead from our position to the broker's, so nothing was adjusted."
        case _:
            return "Our book has not taken it in yet: compare again."


def _cash(ours: Decimal, theirs: Decimal) -> Iterable[Break]:
    if ours != theirs:
        yield Break(
            kind=BreakKind.CASH,
            ours=_number(ours),
            theirs=_number(theirs),
            sentence=f"Our book has cash of {_number(ours)}, the broker of {_number(theirs)}: "
            f"{_number(abs(theirs - ours))} {'more' if theirs > ours else 'less'} than we have.",
        )


def _terms(order: BookOrder | BrokerOrder) -> str:
    filled = f", {_number(order.filled_quantity)} filled" if order.filled_quantity else ""
    return f"{order.side.value} {_number(order.quantity)} {order.symbol}{filled}"


def _all_terms(stated: tuple[BrokerOrder, ...]) -> str:
    return " and also ".join(dict.fromkeys(_terms(order) for order in stated))


def _holding(quantity: Decimal) -> str:
    if quantity == 0:
        return "flat"
    return f"{'long' if quantity > 0 else 'short'} {_number(abs(quantity))}"


def _number(value: Decimal) -> str:
    """The number in plain digits, one text for equal numbers."""
    return f"{value.normalize() + ZERO:f}"
