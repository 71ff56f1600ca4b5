"""What a strategy is: a class that declares parameters, expressions, and handlers with what wakes them.

    class Crossover(Strategy):
        fast, slow, size = Param(10, 2, 200), Param(30, 5, 400), Param(Decimal(100), Decimal(1),
        Decimal(1000)) fast_line, slow_line = sma(close, fast), sma(close, slow)

        @when(fast_line > slow_line, flat)
        def enter(self, order: Ticket) -> Proposal | None:
            return order.buy(self.size, f"fast {self.fast_line:.4f} above slow {self.slow_line:.4f}")

Each instance looks at one symbol. It keeps no memory but in expressions (setting an attribute raises), so
that its whole state is the machine's. A handler returns one proposal or None; its ordinal in the class enters
the proposal's id, so the same bar proposes the same order again after a restart.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import Flag, auto
from typing import Any, ClassVar, NoReturn, TypeVar, overload

from msgspec import Struct

from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.orders import Proposal, Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.strategies.expressions import Expression, Number, Param
from agenttrader.strategies.ticket import Ticket

S = TypeVar("S", bound="Strategy")


class Position(Flag):
    """What a strategy holds in its symbol, for a handler that wants to be woken only then.

    FLAT: no position, and no order of ours works, not even a leg that protected one. LONG and SHORT: a
    position, and no order of ours works to leave it. So a signal that still holds while its order works wakes
    nobody twice.
    """

    FLAT = auto()
    LONG = auto()
    SHORT = auto()


flat, long, short = Position.FLAT, Position.LONG, Position.SHORT
BETWEEN = Position(0)
"""An order of ours works: neither flat nor free to leave."""


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of an order of the strategy's own, or of a leg that protects it."""

    order_id: OrderId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    time: Instant


class Timer(Struct, frozen=True):
    """A time of every session, half days included: minutes after its open or before its close."""

    minutes: Any
    """An int, or a parameter that is one."""
    after_open: bool

    def due(self, session: Session, values: Mapping[str, Number]) -> Instant:
        """When it is due in `session`, with the strategy's parameters at `values`."""
        minutes = values[self.minutes.name] if isinstance(self.minutes, Param) else self.minutes
        span = int(minutes) * MINUTE
        return Instant(session.open + span if self.after_open else session.close - span)


def before_close(*, minutes: "int | Param[int]") -> Timer:
    """`minutes` before the session's close."""
    return Timer(minutes, after_open=False)


def after_open(*, minutes: "int | Param[int]") -> Timer:
    """`minutes` after the session's open."""
    return Timer(minutes, after_open=True)


class Wake(Struct, frozen=True):
    """What wakes a handler: a condition at a bar's close, a timer, every bar, or a fill."""

    condition: Any = None
    timer: Timer | None = None
    fill: bool = False
    position: Position | None = None
    """None: whatever is held."""


class Handler:
    """A method, and what wakes it."""

    def __init__(self, method: Callable[..., Proposal | None], wake: Wake) -> None:
        self.method, self.wake, self.name = method, wake, method.__name__
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "Handler": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[..., Proposal | None]: ...
    def __get__(self, instance: object, owner: type) -> "Handler | Callable[..., Proposal | None]":
        """The bound method on an instance."""
        return self if instance is None else self.method.__get__(instance, owner)


OnOrder = Callable[[S, Ticket], Proposal | None]
OnFill = Callable[[S, Fill, Ticket], Proposal | None]


def when(condition: Expression, position: Position | None = None) -> Callable[[OnOrder[S]], Handler]:
    """Wake the method at the close of each bar where `condition` holds and `position` is held."""
    if not isinstance(condition, Expression):
        raise TypeError(
            f"@when: expected an expression such as `close > sma(close, 20)`, found {condition!r}"
        )
    return lambda method: Handler(method, Wake(condition=condition, position=_position(position)))


def on_timer(timer: Timer, position: Position | None = long | short) -> Callable[[OnOrder[S]], Handler]:
    """Wake the method once a session, at the first step at or after `timer`, if `position` is held."""
    if not isinstance(timer, Timer):
        raise TypeError(
            f"@on_timer: expected before_close(minutes=…) or after_open(minutes=…), found {timer!r}: on a "
            "half day a time such as 15:55 never comes"
        )
    return lambda method: Handler(method, Wake(timer=timer, position=_position(position)))


def on_fill(method: OnFill[S]) -> Handler:
    """Wake the method for each fill, before the bar's decisions.

    A fill that was made while we were not connected wakes nobody: what is held is seen by `position`.
    """
    return Handler(method, Wake(fill=True))


def every_bar(method: OnOrder[S]) -> Handler:
    """Wake the method at the close of every bar: microseconds of Python, where a condition costs none."""
    return Handler(method, Wake())


class Strategy:
    """The base of every strategy. What a class and its bases declare is collected when it is defined."""

    declared_parameters: ClassVar[Mapping[str, Param[Any]]] = {}
    declared_expressions: ClassVar[Mapping[str, Expression]] = {}
    declared_handlers: ClassVar[tuple[Handler, ...]] = ()
    """In the order of their definition, the bases' first; a handler's place is its ordinal."""

    parameters: Mapping[str, Number]
    value_of: Callable[[Expression], float]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared: dict[str, object] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                _refuse_half_override(cls, name, declared.get(name), value)
                declared[name] = value
        cls.declared_parameters = {name: it for name, it in declared.items() if isinstance(it, Param)}
        cls.declared_expressions = {name: it for name, it in declared.items() if isinstance(it, Expression)}
        cls.declared_handlers = tuple(it for it in declared.values() if isinstance(it, Handler))
        _refuse_stale_conditions(cls)

    def __init__(self, parameters: Mapping[str, Number], value_of: Callable[[Expression], float]) -> None:
        """Made by the host: the configured parameters, and where an expression's present value is read."""
        self.__dict__.update(parameters=parameters, value_of=value_of)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__}.{name}: a strategy remembers in expressions only, so that it knows after "
            "a restart what it knew before"
        )


def _position(position: object) -> Position | None:
    if position is None or (isinstance(position, Position) and position):
        return position
    raise TypeError(f"expected flat, long, short, or several joined by |, found {position!r}")


def _refuse_half_override(cls: type, name: str, inherited: object, value: object) -> None:
    for kind, hint in ((Handler, "decorate it as the inherited one is"), (Param, "declare a Param")):
        if isinstance(inherited, kind) and not isinstance(value, kind):
            raise TypeError(
                f"{cls.__name__}.{name} hides an inherited {kind.__name__}: {hint}, or use another name"
            )


def _refuse_stale_conditions(cls: type[Strategy]) -> None:
    """An inherited condition holds the expressions of its own time, not those that now have their names."""
    hidden = {
        id(value): name
        for base in cls.__mro__
        for name, value in vars(base).items()
        if isinstance(value, Expression) and cls.declared_expressions.get(name) is not value
    }
    used = [handler.wake.condition for handler in cls.declared_handlers if handler.wake.condition is not None]
    for part in _parts(set(), *used, *cls.declared_expressions.values()):
        if (name := hidden.get(id(part))) is not None:
            raise TypeError(
                f"{cls.__name__}.{name} is declared anew, but what the inherited one made still uses "
                "it: declare those expressions and handlers anew too"
            )


def _parts(seen: set[int], *expressions: Expression) -> Iterator[Expression]:
    """Every expression that these are made of, themselves included, once."""
    for expression in expressions:
        if id(expression) not in seen:
            seen.add(id(expression))
            yield expression
            yield from _parts(seen, *expression.operands)
