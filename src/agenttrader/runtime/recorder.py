"""What one input brings about: events sealed as the next records of the chain, each folded at once.

The next input sees what this one reserved; what is for the broker leaves only when it is on disk.
"""

from collections.abc import Iterable

from msgspec import Struct

from agenttrader.model.events import CancelRequested, Event, Leaving, Withheld
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.cancels import cancel_of
from agenttrader.runtime.state import State


class Step(Struct, kw_only=True):
    """What handling one input brought about: records to commit, then sends to make, or a refusal."""

    records: list[Sealed[Event]]
    sends: list[Sealed[Event]]
    """The records among `records` that are for the broker: a `Leaving` with an instruction, a cancel."""
    refusal: str = ""
    resync: bool = False
    """Whether the broker must be asked for everything again: it spoke of what we may have missed."""


class Recorder:
    """State and chain of one account, and the step that is being made of the input at hand."""

    def __init__(self, state: State, chain: Chain) -> None:
        self.state = state
        self.chain = chain
        self._now = state.last_time
        self._step = Step(records=[], sends=[])

    def _begin(self, now: Instant) -> None:
        self._now = max(now, self.state.last_time)
        self._step = Step(records=[], sends=[])

    def _emit(self, event: Event) -> Sealed[Event]:
        sealed = self.chain.seal(event, self._now)
        self.state.apply(sealed)
        self._step.records.append(sealed)
        return sealed

    def _emit_all(self, events: Iterable[Event]) -> None:
        """Record what follows, all of it, from the state before."""
        for event in tuple(events):
            self._emit(event)

    def _emit_and_send(self, event: Leaving | CancelRequested | Withheld) -> None:
        """Record what goes to the broker, or that it does not go after all."""
        sealed = self._emit(event)
        if not isinstance(event, Withheld):
            self._step.sends.append(sealed)

    def _cancel_order(self, order: Order, by: str, reason: str) -> None:
        cancel = cancel_of(order, by, reason)
        if cancel is not None:
            self._emit_and_send(cancel)
