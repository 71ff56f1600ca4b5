"""What the exits unit must do now: from positions, orders and the market to the acts that are wanted. Pure.

Asked again with the same facts it wants the same acts under the same names, so asking twice, or after a
restart, does nothing twice. One position at a time, in this order:

1. An order of its own that faces no position, or more than is held, is canceled: it could turn one round.
2. Without the broker's word, without a plan, while a close works: nothing. Without a plan is a doubt, and so
   is an order that is denied or rejected again and again.
3. Where a rule of the plan says so (`rules`), the position is closed, once. While the exchange is closed
   nothing leaves at the market: until it opens the position is protected as if no rule had spoken.
4. What no stop faces is protected, good till canceled. While an entry with legs works that cannot be: they
   arm when the whole of it has filled, and on top of a stop of ours would turn the position round. What has
   filled of it is bare; when it has been for long enough, the rest of the entry is canceled first.

Nothing asks for more than our book and the broker both hold, less what works to take it off.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from agenttrader.exits.acts import (
    DOUBTED_AFTER,
    Act,
    Cancel,
    Close,
    Doubt,
    Moment,
    OrderSeen,
    Patience,
    Position,
    Protect,
)
from agenttrader.exits.rules import Held, Leave, leave
from agenttrader.model.breaks import DoubtKind
from agenttrader.model.identifiers import OrderId, Symbol, derive_order_id
from agenttrader.model.orders import Effect, ExitPlan, OrderState, Role, Side, TimeInForce
from agenttrader.model.times import SECOND, Instant
from agenttrader.model.values import ZERO

_FAILED = frozenset({OrderState.DENIED, OrderState.REJECTED, OrderState.WITHHELD})
_MAY_BE_ASKED = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.SUSPENDED})
SPLIT_MORE, SPLIT_LESS = Decimal("1.25"), Decimal("0.8")
"""The smallest splits that exchanges see: five for four, and four for five."""


def duties(
    positions: Iterable[Position], orders: Iterable[OrderSeen], moment: Moment, patience: Patience
) -> tuple[Act, ...]:
    """The acts that are wanted now, in the order of their symbols."""
    held = {position.symbol: position for position in positions}
    seen: dict[Symbol, list[OrderSeen]] = {symbol: [] for symbol in held}
    for order in orders:
        seen.setdefault(order.symbol, []).append(order)
    return tuple(
        act for symbol in sorted(seen) for act in _of_symbol(held.get(symbol), seen[symbol], moment, patience)
    )


def _of_symbol(
    position: Position | None, orders: Sequence[OrderSeen], moment: Moment, patience: Patience
) -> Iterator[Act]:
    unwanted = list(_cancels_of_own(position, orders))
    if unwanted or position is None:
        yield from unwanted
        return
    try:
        yield from _of_position(position, orders, moment, patience)
    except ArithmeticError as error:  # what cannot be reckoned is a person's to judge
        yield _doubt(position, DoubtKind.RECKONING, f"its plan could not be judged: {error!r}")


def _of_position(
    position: Position, orders: Sequence[OrderSeen], moment: Moment, patience: Patience
) -> Iterator[Act]:
    plan, mark = position.plan, moment.marks.get(position.symbol)
    if plan is None:
        sentence = f"{position.quantity} held, and nobody has said how it is left"
        yield _doubt(position, DoubtKind.PLAN, sentence)
        return
    if position.stated is None or position.closing:
        return
    if mark is not None and not (mark.is_finite() and mark > 0):
        yield _doubt(position, DoubtKind.PRICE, f"its price is {mark}, which no price can be")
        mark = None
    if mark is not None and _may_be_split(position, mark):
        sentence = f"{position.quantity} held, the broker says {position.stated}, at {mark}: perhaps a split"
        yield _doubt(position, DoubtKind.SPLIT, sentence)
        return
    due = leave(_held(position, plan), mark, moment.now, moment.close)
    if due is not None and moment.close is not None:
        yield from _close(position, orders, due, moment, patience)
    else:
        yield from _protect(position, plan, orders, mark, moment, patience)


def _close(
    position: Position, orders: Sequence[OrderSeen], due: Leave, moment: Moment, patience: Patience
) -> Iterator[Act]:
    """The one close of the position."""
    name, failures = _next(position, "close", orders, moment.now, patience)
    yield from _doubt_of_order(position, "close", failures)
    if name is None or not shared(position):
        return
    yield Close(
        symbol=position.symbol,
        side=_exit_side(position),
        quantity=shared(position),
        rule=due.rule,
        strategy=position.strategy,
        proposal_id=name,
        sentence=f"{due.rule}: {due.sentence}",
    )


def _protect(
    position: Position,
    plan: ExitPlan,
    orders: Sequence[OrderSeen],
    mark: Decimal | None,
    moment: Moment,
    patience: Patience,
) -> Iterator[Act]:
    bare, side = max(ZERO, shared(position) - position.protected), _exit_side(position)
    if not bare or plan.stop is None or mark is None or not position.stop_can_rest:
        return
    if side.sign * (plan.stop - mark) <= 0:
        return  # The market has passed the stop: none rests there, and the position is left at the open.
    entries = [order for order in orders if _works(order) and _has_legs(order, orders)]
    if entries:
        since = position.unprotected_since
        if since is not None and moment.now - since >= patience.partial_fill_seconds * SECOND:
            why = f"{bare} {position.symbol} of it are bare, and can be protected only when it has ended"
            yield from (_cancel(order, why) for order in entries if order.state in _MAY_BE_ASKED)
        return
    quantity = min(bare, max(ZERO, shared(position) - taken(orders)))
    name, failures = _next(position, "protect", orders, moment.now, patience)
    yield from _doubt_of_order(position, "protect", failures)
    if not quantity or name is None:
        return
    is_whole = quantity == quantity.to_integral_value()
    is_ahead = plan.target is not None and side.sign * (plan.target - mark) < 0
    yield Protect(
        symbol=position.symbol,
        side=side,
        quantity=quantity,
        stop=plan.stop,
        target=plan.target if is_whole and is_ahead else None,
        time_in_force=TimeInForce.GTC if is_whole else TimeInForce.DAY,
        strategy=position.strategy,
        proposal_id=name,
        sentence=f"no stop faces {bare} of {position.quantity} {position.symbol}",
    )


def shared(position: Position) -> Decimal:
    """Units, unsigned, that our book and the broker both hold on the same side."""
    ours, theirs = position.quantity, position.stated
    if theirs is None or ours * theirs <= 0:
        return ZERO
    return min(abs(ours), abs(theirs))


def taken(orders: Iterable[OrderSeen]) -> Decimal:
    """Units that works, or may work, to be taken off already; a pair counts once."""
    pairs: dict[OrderId, Decimal] = {}
    known = {order.id: order for order in orders}
    for order in known.values():
        if _works(order) and order.effect is not Effect.OPEN and _is_armed(order, known):
            owner = order.parent or order.id
            pairs[owner] = max(pairs.get(owner, ZERO), order.remaining)
    return sum(pairs.values(), ZERO)


def _is_armed(order: OrderSeen, known: dict[OrderId, OrderSeen]) -> bool:
    """Whether it can trade: the legs of an entry are held until the whole of it has filled."""
    parent = None if order.parent is None else known.get(order.parent)
    return parent is None or parent.effect is not Effect.OPEN or parent.state is OrderState.FILLED


def _works(order: OrderSeen) -> bool:
    return not order.state.is_terminal


def _has_legs(order: OrderSeen, orders: Iterable[OrderSeen]) -> bool:
    """Whether it is an entry that came with protection of its own, still to be armed."""
    return order.role is Role.ENTRY and any(each.parent == order.id and _works(each) for each in orders)


def _exit_side(position: Position) -> Side:
    return Side.SELL if position.quantity > 0 else Side.BUY


def _cancels_of_own(position: Position | None, orders: Sequence[OrderSeen]) -> Iterator[Cancel]:
    """Orders of ours that face nothing, or more than is held; the youngest first."""
    held = ZERO if position is None else position.quantity
    own = [
        order
        for order in orders
        if order.proposal_id is not None and order.effect is Effect.REDUCE and _works(order)
    ]
    facing = [order for order in own if order.side.sign * held < 0]
    yield from (_cancel(each, "it faces no position") for each in own if each not in facing and _asks(each))
    if position is None or position.stated is None or position.closing:
        return
    over = taken(orders) - shared(position)
    for order in sorted(facing, key=lambda each: (each.updated, each.id), reverse=True):
        if over > 0 and _asks(order):
            yield _cancel(order, f"with it {over} more would be taken off than is held")
            over -= order.remaining


def _asks(order: OrderSeen) -> bool:
    return order.state in _MAY_BE_ASKED


def _cancel(order: OrderSeen, sentence: str) -> Cancel:
    return Cancel(symbol=order.symbol, order_id=order.id, sentence=sentence)


def _held(position: Position, plan: ExitPlan) -> Held:
    price, side = position.average_price, Side.BUY if position.quantity > 0 else Side.SELL
    best = price if position.best is None else position.best
    return Held(
        side=side,
        entry_price=price,
        best=max(best, price) if side is Side.BUY else min(best, price),
        plan=plan,
        protected=position.protected >= shared(position),
    )


def _may_be_split(position: Position, mark: Decimal) -> bool:
    """Whether quantity and price have moved against each other as they do in a split.

    Then the plan's prices are those of before it, and would leave a position that has lost nothing.
    """
    assert position.stated is not None, "asked only where the broker's word is known"
    factor = position.stated / position.quantity
    if SPLIT_LESS < factor < SPLIT_MORE or factor <= 0:
        return False
    price = position.average_price
    return abs(mark * factor - price) < abs(mark - price)


def _next(
    position: Position, kind: str, orders: Iterable[OrderSeen], now: Instant, patience: Patience
) -> tuple[str | None, int]:
    """What the next order of this kind is called, and how often in a row the last ones failed.

    No name while one works, and too soon after failures. It is derived from what the position is called and
    how often it was tried, so two rules that want the same position closed ask for one order.
    """
    known = {order.proposal_id: order for order in orders if order.proposal_id is not None}
    tried = failures = 0
    last = Instant(0)
    while True:
        name = derive_order_id("exits", position.symbol, position.since, kind, tried)
        order = known.get(name)
        if order is None:
            wait = min(2 ** (failures - 1), patience.retry_seconds_max) if failures else 0
            return name if now - last >= wait * SECOND else None, failures
        if _works(order) and kind == "close":
            return None, 0
        failures = failures + 1 if order.state in _FAILED else 0
        last = max(last, order.updated)
        tried += 1


def _doubt_of_order(position: Position, kind: str, failures: int) -> Iterator[Doubt]:
    if failures >= DOUBTED_AFTER:
        sentence = f"its orders to {kind} were denied, rejected or withheld {failures} times in a row"
        yield _doubt(position, DoubtKind.ORDER, sentence)


def _doubt(position: Position, about: DoubtKind, sentence: str) -> Doubt:
    return Doubt(symbol=position.symbol, about=about, sentence=sentence)
