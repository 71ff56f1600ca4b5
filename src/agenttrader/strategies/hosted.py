"""One strategy on one symbol, as its host runs it: the bars in, and what wakes in the documented order.

Fills first, then the bar's conditions and every-bar handlers in the class's order, then timers. What one
handler proposes counts at once: an entry ends FLAT and a close ends LONG and SHORT for the handlers after it.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import Struct

from agenttrader.indicators.compiled import Compiled
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Digest, StrategyName, digest_of
from agenttrader.model.instruments import Single
from agenttrader.model.market import Bar
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.strategies.contract import (
    BETWEEN,
    Fill,
    Handler,
    Position,
    Strategy,
    Wake,
    flat,
    long,
    short,
)
from agenttrader.strategies.expressions import Number
from agenttrader.strategies.program import Checkpoint, Machine, Program
from agenttrader.strategies.ticket import Author, Ticket


class Situation(Struct, kw_only=True):
    """What is held and what works in one symbol at a time of decision; each proposal changes it at once."""

    time: Instant
    price: Decimal
    held: Decimal
    """Signed quantity."""
    working: bool
    """Whether any order of ours works."""
    leaving: bool
    """Whether an order of ours works that closes."""

    @property
    def position(self) -> Position:
        """FLAT, LONG or SHORT as `contract.Position` defines them, or BETWEEN."""
        if self.leaving or (self.working and not self.held):
            return BETWEEN
        return long if self.held > 0 else short if self.held < 0 else flat


class _Sleeper(NamedTuple):
    """A handler: its place in the class, what wakes it, where its condition stands, what is then called."""

    ordinal: int
    wake: Wake
    slot: int | None
    method: Callable[..., Proposal | None]


class Hosted:
    """A strategy class at work: its parameters fixed, its machine, and its digests."""

    def __init__(
        self,
        kind: type[Strategy],
        configured: Mapping[str, object],
        *,
        agent: AgentName,
        name: StrategyName,
        instrument: Single,
        session: Session,
        compiled: Compiled,
    ) -> None:
        values = read_parameters(kind, configured)
        conditions = [it.wake.condition for it in kind.declared_handlers if it.wake.condition is not None]
        self.program = Program((*kind.declared_expressions.values(), *conditions), values)
        self.machine = Machine(self.program, compiled)
        self.strategy = kind(values, lambda expression: self.machine.value(self.program.slot(expression)))
        self.author = Author(agent=agent, strategy=name, parameters=parameters_digest(kind, values))
        self.instrument = instrument
        self.session = session
        self.price: Decimal | None = None
        """The last close; None before the first bar."""
        handlers = [self._sleeper(ordinal, it) for ordinal, it in enumerate(kind.declared_handlers)]
        self._on_fill = [it for it in handlers if it.wake.fill]
        self._on_timer = [(it, it.wake.timer) for it in handlers if it.wake.timer is not None]
        self._on_bar = [it for it in handlers if not it.wake.fill and it.wake.timer is None]
        self._exits_ordinal = len(handlers)

    @property
    def warm_up(self) -> int:
        """Bars until every condition has a number; before that no condition can wake anything."""
        return max((self.program.warm_ups[it.slot] for it in self._on_bar if it.slot is not None), default=0)

    def step(self, bar: Bar) -> None:
        """Take the symbol's next bar."""
        minutes_to_close = (self.session.close - bar.end) / MINUTE
        prices = float(bar.open), float(bar.high), float(bar.low), float(bar.close)
        self.machine.step((*prices, float(bar.volume), minutes_to_close))
        self.price = bar.close

    def after_fill(self, fill: Fill, situation: Situation) -> Iterator[Proposal]:
        """What the strategy proposes on hearing of a fill."""
        for sleeper in self._on_fill:
            yield from _taken(sleeper.method(fill, self._ticket(situation, sleeper.ordinal)), situation)

    def at_close(self, situation: Situation) -> Iterator[Proposal]:
        """What the strategy proposes at the close of the bar that was stepped last."""
        for sleeper in self._on_bar:
            if (sleeper.slot is None or self._holds(sleeper.slot)) and _fits(sleeper, situation):
                yield from _taken(sleeper.method(self._ticket(situation, sleeper.ordinal)), situation)

    def at_timers(self, after: Instant, situation: Situation) -> Iterator[Proposal]:
        """What the strategy proposes by the timers that came due after `after` and until now."""
        for sleeper, timer in self._on_timer:
            due = timer.due(self.session, self.strategy.parameters)
            if after < due <= situation.time and _fits(sleeper, situation):
                yield from _taken(sleeper.method(self._ticket(situation, sleeper.ordinal)), situation)

    def leave(self, reason: str, situation: Situation) -> Iterator[Proposal]:
        """The proposal to close what is held because an exit rule says so."""
        yield from _taken(self._ticket(situation, self._exits_ordinal).close(reason), situation)

    def checkpoint(self) -> Checkpoint:
        """All that the strategy remembers."""
        return self.machine.checkpoint()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Remember what `checkpoint` does. Raises BadValue where another program made it."""
        self.machine.restore(checkpoint)

    def _sleeper(self, ordinal: int, handler: Handler) -> _Sleeper:
        condition = handler.wake.condition
        slot = None if condition is None else self.program.slot(condition)
        return _Sleeper(ordinal, handler.wake, slot, getattr(self.strategy, handler.name))

    def _holds(self, slot: int) -> bool:
        value = self.machine.value(slot)
        return value == value and value != 0.0  # noqa: PLR0124  NaN is not equal to itself, and no signal

    def _ticket(self, situation: Situation, ordinal: int) -> Ticket:
        return Ticket(
            author=self.author,
            instrument=self.instrument,
            session=self.session,
            price=situation.price,
            time=situation.time,
            held=situation.held,
            leaving=situation.leaving,
            ordinal=ordinal,
        )


def read_parameters(kind: type[Strategy], configured: Mapping[str, object]) -> dict[str, Number]:
    """Every parameter's value: as configured, else its default. Raises BadValue, naming the parameter."""
    declared = kind.declared_parameters
    for name in configured:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1, cutoff=0.0)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise BadValue(f"{kind.__name__}: expected a parameter that it declares, found {name!r}{hint}")
    return {
        name: parameter.read(configured[name]) if name in configured else parameter.default
        for name, parameter in declared.items()
    }


def parameters_digest(kind: type[Strategy], values: Mapping[str, Number]) -> Digest:
    """Names the strategy's class with its parameters: equal digests propose equal orders under equal ids."""
    named = sorted((name, str(value)) for name, value in values.items())
    return digest_of(msgspec.json.encode((kind.__module__, kind.__qualname__, named)))


def _fits(sleeper: _Sleeper, situation: Situation) -> bool:
    position = sleeper.wake.position
    return position is None or bool(position & situation.position)


def _taken(proposal: Proposal | None, situation: Situation) -> Iterator[Proposal]:
    if proposal is None:
        return
    situation.working = True
    situation.leaving = situation.leaving or proposal.effect is not Effect.OPEN
    yield proposal
