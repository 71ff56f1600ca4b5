"""The state of the show: what has happened, folded into what is on the screen and lines that tell it."""

from collections import Counter, deque
from decimal import Decimal
from typing import assert_never

from msgspec import Struct

from agenttrader.app.happenings import DayBegun, DayEnded, GatewayTold, Happening, MarketMoved, Said, Starting
from agenttrader.app.sections import EXITS
from agenttrader.cli.figures import amount, plain
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.market import Bar, StatusChange, TradingStatus, Watermark
from agenttrader.model.orders import Effect, OrderState, Role, Side
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.values import ZERO
from agenttrader.protocols.native import (
    AccountBody,
    AccountMarked,
    FillMade,
    OrderBody,
    OrderChanged,
    PositionBody,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingBody,
    TradingChanged,
    WatermarkReached,
)

CLOSES_KEPT = 24
DENIED = "denied"
NOTHING_YET = AccountBody(
    equity=ZERO,
    cash=ZERO,
    realised=ZERO,
    unrealised=ZERO,
    fees=ZERO,
    gross_exposure=ZERO,
    dead_machine_loss=ZERO,
)


class Line(Struct, frozen=True):
    """One thing worth reading: when it happened in the data, a word for what it is, and a sentence."""

    time: Instant | None
    word: str
    sentence: str
    alarming: bool = False


class Quote:
    """A symbol as it is shown: its first and last price, the way there, and whether the exchange halts it."""

    def __init__(self) -> None:
        self.open: Decimal | None = None
        self.last: Decimal | None = None
        self.closes: deque[Decimal] = deque(maxlen=CLOSES_KEPT)
        self.is_halted = False

    def see(self, bar: Bar) -> None:
        """Take a bar."""
        self.open = bar.open if self.open is None else self.open
        self.last = bar.close
        self.closes.append(bar.close)


class Board:
    """Everything on the screen. `take` folds a happening and returns the lines that tell it, mostly none."""

    def __init__(self) -> None:
        self.day: DayBegun | None = None
        self.prices = ""
        """Which prices are shown: generated or recorded."""
        self.clock: Instant | None = None
        self.quotes: dict[Symbol, Quote] = {}
        self.orders: dict[OrderId, OrderBody] = {}
        self.past: frozenset[OrderId] = frozenset()
        """Those of the days before, in a run of several."""
        self.positions: tuple[PositionBody, ...] = ()
        self.account = NOTHING_YET
        self.trading = TradingBody(state="halted", reasons=("starting",), mode="off")
        self.fills = 0
        self.denial: Line | None = None
        """The last order that was not permitted, and why in words."""
        self.starting: tuple[str, ...] = ()

    def take(self, happening: Happening) -> tuple[Line, ...]:
        """Fold what happened; the lines that a person should read about it."""
        match happening:
            case Starting(roles=roles, prices=prices):
                self.starting, self.prices, self.clock = roles, prices, None
                return ()
            case DayBegun():
                return (self._begin(happening),)
            case Said():
                line = self._line(happening.word, happening.sentence, alarming=happening.alarming)
                if happening.word == DENIED:
                    self.denial = line
                return (line,)
            case MarketMoved(event=event):
                return self._move(event)
            case GatewayTold(message=message):
                return self._hear(message)
            case DayEnded(fills=fills):
                self.fills = fills
                return ()
            case _:
                assert_never(happening)

    def counts(self) -> list[tuple[str, int]]:
        """How many orders of the day are in each state that has any, in the order of an order's life."""
        counted = Counter(order.state for name, order in self.orders.items() if name not in self.past)
        return [(state.value, counted[state.value]) for state in OrderState if counted[state.value]]

    def minutes(self) -> tuple[int, int]:
        """How many minutes of the session have passed, and how many it has."""
        if self.day is None:
            return 0, 1
        session = self.day.session
        length = session.close - session.open
        passed = min(max((self.clock or session.open) - session.open, 0), length)
        return passed // 60_000_000_000, length // 60_000_000_000

    def _begin(self, day: DayBegun) -> Line:
        self.day, self.fills, self.past = day, 0, frozenset(self.orders)
        self.quotes = {symbol: Quote() for symbol in day.symbols}
        pace = "as fast as it goes" if day.speed == "max" else f"at most {day.speed} bars a second"
        return self._line(
            "day",
            f"session {day.session.date} of {day.source}, {pace}, inbox {day.inbox}; files in {day.folder}",
        )

    def _move(self, event: Bar | StatusChange | Watermark) -> tuple[Line, ...]:
        match event:
            case Bar():
                self._quote(event.symbol).see(event)
            case Watermark():
                self.clock = event.time
            case StatusChange():
                quote = self._quote(event.symbol)
                halted = event.status is TradingStatus.HALTED
                was, quote.is_halted = quote.is_halted, halted
                if was is not halted:
                    word = "pause" if halted else "resume"
                    does = "halts" if halted else "lets"
                    tail = "" if halted else " trade again"
                    return (
                        Line(event.time, word, f"the exchange {does} {event.symbol}{tail}: {event.reason}"),
                    )
            case _:
                assert_never(event)
        return ()

    def _hear(self, message: StreamMessage) -> tuple[Line, ...]:
        match message:
            case Snapshot():
                self.orders = {order.id: order for order in message.orders}
                self.positions, self.account = message.positions, message.account
                return self._trade(message.trading)
            case OrderChanged(order=order):
                return self._change(order)
            case FillMade():
                self.fills += 1
                return (self._fill(message),)
            case PositionsChanged():
                self.positions = message.positions
            case AccountMarked():
                self.account = message.account
            case TradingChanged():
                return self._trade(message.trading)
            case WatermarkReached():
                pass
            case _:
                assert_never(message)
        return ()

    def _change(self, order: OrderBody) -> tuple[Line, ...]:
        before = self.orders.get(order.id)
        self.orders[order.id] = order
        if before is not None and before.state == order.state:
            return ()
        time = from_rfc3339(order.time)
        match OrderState(order.state):
            case OrderState.ACCEPTED if order.agent == EXITS and order.parent is None:
                return (Line(time, EXITS, f"{self._covers(order)}: {order.reason}"),)
            case OrderState.CANCELED if order.role == Role.ENTRY.value and order.filled_quantity:
                rest = order.quantity - order.filled_quantity
                return (Line(time, "canceled", f"{order.agent}: {wish(order)}: the rest, {plain(rest)}"),)
            case OrderState.DENIED:
                self.denial = Line(time, DENIED, f"{order.agent}: {wish(order)}: {order.sentence}")
                return (self.denial,)
            case OrderState.PENDING_APPROVAL:
                told = f"for a person: {order.agent}: {wish(order)}; see agenttrader approvals list"
                return (Line(time, "waits", told, alarming=True),)
            case OrderState.REJECTED:
                return (
                    Line(time, "rejected", f"the broker refused {order.agent}: {wish(order)}", alarming=True),
                )
            case OrderState.UNKNOWN:
                told = f"no answer came to {order.agent}: {wish(order)}; it counts as if it may fill"
                return (Line(time, "unknown", told, alarming=True),)
            case _:
                return ()

    def _covers(self, order: OrderBody) -> str:
        """What the exits unit does by an order: `closes 100 ALFA`, `protects 63 ECHO by a stop at 157.53`."""
        held = f"{plain(order.quantity)} {order.symbol}"
        if order.effect is Effect.CLOSE:
            return f"closes {held}"
        pair = (order, *(each for each in self.orders.values() if each.parent == order.id))
        prices = {each.stop_price: "stop" for each in pair} | {order.limit_price: "target"}
        resting = " and a ".join(f"{what} at {plain(price)}" for price, what in prices.items() if price)
        return f"protects {held} by a {resting}"

    def _fill(self, fill: FillMade) -> Line:
        order = self.orders.get(fill.order_id)
        verb = "bought" if fill.side is Side.BUY else "sold"
        fee = f", fee {amount(fill.fee)}" if fill.fee else ""
        why = "" if order is None else f" · {reason(order)}"
        told = f"{verb} {plain(fill.quantity)} {fill.symbol} at {plain(fill.price)}{fee}{why}"
        return Line(from_rfc3339(fill.time), "fill", told)

    def _trade(self, trading: TradingBody) -> tuple[Line, ...]:
        before, self.trading = self.trading, trading
        if before.state == trading.state:
            return ()
        why = "; ".join(trading.reasons) or f"a window in mode {trading.mode} is open"
        return (self._line(trading.state, why),)

    def _quote(self, symbol: Symbol) -> Quote:
        return self.quotes.setdefault(symbol, Quote())

    def _line(self, word: str, sentence: str, *, alarming: bool = False) -> Line:
        return Line(self.clock, word, sentence, alarming)


def wish(order: OrderBody) -> str:
    """What an order asks for: `buy 100 ALFA at market`."""
    price = order.limit_price or order.stop_price
    at = "market" if price is None else f"{order.type.value} {plain(price)}"
    return f"{order.side.value} {plain(order.quantity)} {order.symbol} at {at}"


def reason(order: OrderBody) -> str:
    """Why the order was made: the agent's reason, or which protection of its parent it is."""
    protects = order.role in (Role.STOP.value, Role.TARGET.value)
    return f"{order.role} of {order.agent}" if protects else f"{order.agent}: {order.reason}"
