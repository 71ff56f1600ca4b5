"""What a day came to, computed from its journal's records alone: nobody's word is taken for it.

Profit is before fees. Everything here depends on the data's times only, so the same day played twice, however
fast, has the same digest.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from agenttrader.app.gateway.views import position_bodies
from agenttrader.app.sections import EXITS
from agenttrader.gateway.sentences import sentence_of
from agenttrader.model.events import CancelRequested, EquitySampled, Filled, SegmentOpened, WindowOpened
from agenttrader.model.identifiers import Digest, OrderId, StrategyName, Symbol, digest_of
from agenttrader.model.orders import Effect, OrderState, Role, TimeInForce
from agenttrader.model.records import Sealed
from agenttrader.model.times import Instant, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.portfolio.orders import Order


class Profit(Struct, frozen=True, kw_only=True):
    """What was made, in the account's currency: realised and unrealised before fees."""

    realised: Decimal
    unrealised: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """After fees."""
        return self.realised + self.unrealised - self.fees


class Made(Struct, frozen=True, kw_only=True):
    """What one strategy made in one symbol, before fees, and the fees."""

    strategy: StrategyName
    symbol: Symbol
    realised: Decimal
    fees: Decimal


class Denial(Struct, frozen=True, kw_only=True):
    """An order that was not permitted, and why in words."""

    time: str
    agent: str
    symbol: Symbol
    code: str
    sentence: str


class Why(Struct, frozen=True, kw_only=True):
    """Whose order an execution was of, and why it was made: a protective leg names its role."""

    strategy: StrategyName
    reason: str


class ExitAct(Struct, frozen=True, kw_only=True):
    """One thing that the exits unit did, and why."""

    time: str
    symbol: Symbol
    act: Literal["protected", "closed", "canceled"]
    """`canceled` is the rest of an entry, or an order of its own that faced nothing any more."""
    quantity: Decimal
    stop: Decimal | None = None
    target: Decimal | None = None
    reason: str


class Held(Struct, frozen=True, kw_only=True):
    """What is still held at the end, and what protects it. Amounts without a mark are zero."""

    symbol: Symbol
    quantity: Decimal
    average_price: Decimal
    mark: Decimal | None
    unrealised: Decimal
    protected_quantity: Decimal
    stop: Decimal | None
    target: Decimal | None
    is_protected_for_today_only: bool
    """A stop of it is a DAY order: the close ends it, and leaves the position bare."""

    @property
    def sentence(self) -> str:
        """What a person must know of it."""
        held = f"{self.quantity:f} {self.symbol} is still held"
        if not self.protected_quantity or self.stop is None:
            return f"{held}, and no stop at the venue protects it"
        bare = abs(self.quantity) - self.protected_quantity
        by = "protected" if bare <= 0 else f"only {self.protected_quantity:f} of it protected"
        until = " (a DAY order, gone at the close)" if self.is_protected_for_today_only else ""
        return f"{held}, {by} by a stop at {self.stop:f}{until}"

    @property
    def overnight(self) -> str:
        """What protects it while the exchange is closed."""
        if not self.protected_quantity or self.stop is None or self.is_protected_for_today_only:
            return "bare: no stop rests at the venue, for DAY orders end at the close"
        of = "" if self.protected_quantity >= abs(self.quantity) else f"{self.protected_quantity:f} of it "
        return (
            f"{of}protected by a stop at {self.stop:f} that rests until canceled, and acts from the open on"
        )


class Day(Struct, frozen=True, kw_only=True):
    """What the journal says of a day."""

    orders: dict[str, int]
    """How many orders ended in each state, protective legs among them."""
    fills: tuple[Filled, ...]
    denials: tuple[Denial, ...]
    profit: Profit
    made: tuple[Made, ...]
    digest: Digest
    """Over what every order was and became, with its data times; without keys and wall times."""
    whys: dict[OrderId, Why] = {}
    """Of every order that was filled."""
    held: tuple[Held, ...] = ()
    """What was not flat at the end."""
    carried: tuple[Held, ...] = ()
    """What was held when the day's window opened, from the days before it."""
    dead_machine_loss: Decimal = ZERO
    """What would be lost, gaps aside, if everything of ours had stopped at the end."""
    exits: tuple[ExitAct, ...] = ()
    """What the exits unit did, in order; what it was denied is among the denials."""

    @property
    def denial_codes(self) -> dict[str, int]:
        """How many orders each check denied."""
        return dict(Counter(denial.code for denial in self.denials))

    @property
    def exit_counts(self) -> dict[str, int]:
        """How often the exits unit did what."""
        return dict(Counter(act.act for act in self.exits))


class _Before(Struct, kw_only=True):
    """What the journal came to before the day."""

    orders: frozenset[OrderId] = frozenset()
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    made: dict[tuple[StrategyName, Symbol], tuple[Decimal, Decimal]] = {}


def read_day(
    records: Iterable[Sealed[Any]],
    multipliers: Mapping[Symbol, Decimal],
    marks: Mapping[Symbol, Decimal],
    session: str | None = None,
) -> Day:
    """Fold the records of all days; with a `session`, count only what that day added.

    `multipliers` names every instrument that may be held. What is held is valued at `marks`, the last
    prices; where one is missing, as last sampled. Unrealised profit is that of the end, whenever it was made.
    """
    book, before = Book(multipliers), _Before()
    fills: list[Filled] = []
    cancels: list[tuple[Instant, CancelRequested]] = []
    carried: tuple[Held, ...] | None = None
    has_begun = session is None
    unrealised = ZERO
    for sealed in records:
        match sealed.event:
            case SegmentOpened() if not has_begun and sealed.event.session == session:
                has_begun, before = True, _before(book)
                fills.clear()
                cancels.clear()
            case WindowOpened() if has_begun and carried is None:
                carried = tuple(_held(book, {}))
            case Filled():
                fills.append(sealed.event)
            case CancelRequested(by=by) if by == EXITS:
                cancels.append((sealed.time, sealed.event))
            case EquitySampled():
                unrealised = sealed.event.unrealised
            case _:
                pass
        book.apply(sealed)
    orders = [order for order in book.orders.by_id.values() if order.id not in before.orders]
    states = Counter(order.state for order in orders)
    denied = sorted((order for order in orders if order.state is OrderState.DENIED), key=_place)
    return Day(
        orders={state.value: states[state] for state in OrderState if states[state]},
        fills=tuple(fills),
        denials=tuple(_denial(order) for order in denied),
        profit=Profit(
            realised=book.realised - before.realised,
            unrealised=_unrealised(book, marks, unrealised),
            fees=book.fees - before.fees,
        ),
        made=tuple(_made(book, before)),
        digest=_digest(orders, fills),
        whys={order: _why(book.orders.by_id[order]) for order in dict.fromkeys(f.order_id for f in fills)},
        held=tuple(_held(book, marks)),
        carried=carried or (),
        exits=tuple(_exit_acts(orders, cancels, book)),
        dead_machine_loss=MarkedBook(book, marks).dead_machine_loss(),
    )


def _before(book: Book) -> _Before:
    return _Before(
        orders=frozenset(book.orders.by_id),
        realised=book.realised,
        fees=book.fees,
        made={key: (holding.realised, holding.fees) for key, holding in book.by_strategy.items()},
    )


def _made(book: Book, before: _Before) -> Iterator[Made]:
    for key, holding in sorted(book.by_strategy.items()):
        realised, fees = before.made.get(key, (ZERO, ZERO))
        strategy, symbol = key
        yield Made(
            strategy=strategy,
            symbol=symbol,
            realised=holding.realised - realised,
            fees=holding.fees - fees,
        )


def _unrealised(book: Book, marks: Mapping[Symbol, Decimal], sampled: Decimal) -> Decimal:
    if book.positions().keys() <= marks.keys():
        return MarkedBook(book, marks).value().unrealised
    return sampled


def _held(book: Book, marks: Mapping[Symbol, Decimal]) -> Iterator[Held]:
    for body in position_bodies(book, marks):
        stops = (leg for leg in book.protection(body.symbol) if leg.role is Role.STOP)
        parents = (leg.parent for leg in stops if leg.parent is not None)
        yield Held(
            symbol=body.symbol,
            quantity=body.quantity,
            average_price=body.average_price,
            mark=body.mark,
            unrealised=body.unrealised,
            protected_quantity=body.protected_quantity,
            stop=body.stop,
            target=body.target,
            is_protected_for_today_only=any(
                parent.proposal.time_in_force is TimeInForce.DAY for parent in parents
            ),
        )


def _exit_acts(
    orders: Iterable[Order], cancels: Iterable[tuple[Instant, CancelRequested]], book: Book
) -> Iterator[ExitAct]:
    acts = [(order.proposal.decision_time, _exit_act(order)) for order in orders if _is_exit(order)]
    for time, cancel in cancels:
        order = book.orders.by_id[cancel.order_id]
        if order.parent is None:  # The legs that a close takes away are part of the close.
            acts.append((time, _cancel_act(time, order)))
    yield from (act for _, act in sorted(acts, key=lambda each: (each[0], each[1].symbol, each[1].act)))


def _is_exit(order: Order) -> bool:
    return order.agent == EXITS and order.parent is None and order.denied_by is None


def _exit_act(order: Order) -> ExitAct:
    proposal = order.proposal
    return ExitAct(
        time=rfc3339(proposal.decision_time),
        symbol=proposal.symbol,
        act="closed" if proposal.effect is Effect.CLOSE else "protected",
        quantity=proposal.quantity,
        stop=proposal.stop_price if proposal.exit_plan is None else proposal.exit_plan.stop,
        target=proposal.limit_price,
        reason=proposal.reason,
    )


def _cancel_act(time: Instant, order: Order) -> ExitAct:
    rest = f"the rest of what {order.agent} wanted to {order.side.value}; until then no stop could rest"
    return ExitAct(
        time=rfc3339(time),
        symbol=order.proposal.symbol,
        act="canceled",
        quantity=order.quantity - order.filled,
        reason=rest if order.adds_risk else "it faced nothing any more",
    )


def _why(order: Order) -> Why:
    proposal = order.proposal
    protects = order.role in (Role.STOP, Role.TARGET)
    reason = f"{order.role.value} of {proposal.strategy}" if protects else proposal.reason
    return Why(strategy=proposal.strategy, reason=reason)


def _denial(order: Order) -> Denial:
    assert order.denial is not None, "a denied order has the check that denied it"
    return Denial(
        time=rfc3339(order.updated),
        agent=order.agent,
        symbol=order.proposal.symbol,
        code=order.denial.code,
        sentence=sentence_of(order.denial),
    )


def _digest(orders: Iterable[Order], fills: Iterable[Filled]) -> Digest:
    by_order: dict[OrderId, list[Filled]] = {}
    for fill in fills:
        by_order.setdefault(fill.order_id, []).append(fill)
    facts = [_facts(order, by_order.get(order.id, [])) for order in sorted(orders, key=_place)]
    return digest_of(msgspec.json.encode(facts, order="deterministic"))


def _place(order: Order) -> tuple[int, str, str]:
    return order.updated, order.agent, order.id


def _facts(order: Order, fills: Iterable[Filled]) -> dict[str, Any]:
    return {
        "id": order.id,
        "agent": order.agent,
        "symbols": [[leg.symbol, leg.ratio] for leg in order.legs],
        "side": order.side,
        "type": order.type,
        "quantity": order.quantity,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "state": order.state,
        "denied_by": order.denied_by,
        "time": order.updated,
        "fills": [
            [fill.time, fill.symbol, fill.side, fill.quantity, fill.price, fill.fee]
            for fill in sorted(fills, key=lambda fill: (fill.time, fill.symbol, fill.price, fill.quantity))
        ],
    }
