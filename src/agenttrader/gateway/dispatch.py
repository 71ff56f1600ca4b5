"""The only door out: the one caller of the order route. It takes what is on record, looks again, sends once.

Nothing here decides or waits. An order leaves only while its trading state and every wired switch, read now,
permit its effect, and an entry only until its proposal's `valid_until`. A cancel always leaves. So does a
close that was approved before a halt: its position has no other protection left by then. Only FROZEN stops
that too, and what the exits unit sends; what a person closes by hand is stopped only by a switch that
freezes, which is the fence of a kill.

Before all that, what is about to leave is held against what was approved (`balance`), by an account of its
own. Where the two do not agree, it stays here, and everything halts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from agenttrader.gateway.balance import Balance, Imbalance
from agenttrader.gateway.checks.authority import (
    PERMITTED_EFFECTS,
    PERMITTED_TO_EXITS,
    PERMITTED_TO_HANDS,
)
from agenttrader.gateway.limits import Grant
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import Unsent
from agenttrader.model.events import CancelRequested, Event, Leaving
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Effect, Proposal
from agenttrader.model.records import Recorded
from agenttrader.ports.halt_switch import HaltSwitch
from agenttrader.ports.order_route import OrderRoute

LAST_LOOK: dict[TradingState, frozenset[Effect]] = {
    **PERMITTED_EFFECTS,
    TradingState.HALTED: PERMITTED_EFFECTS[TradingState.HALTED] | {Effect.CLOSE},
}
"""What of an agent's may leave that is on record as approved."""

_Permitted = Mapping[TradingState, frozenset[Effect]]


class Stopped(Struct, frozen=True):
    """Why an order did not leave."""

    reason: str
    imbalance: Imbalance | None = None
    """That it was not approved so: then everything halts."""


class Dispatcher:
    """Hands recorded orders to the route, each at most once, and recorded cancels."""

    def __init__(
        self, route: OrderRoute, switches: Sequence[HaltSwitch], heard: Callable[[SwitchReading], None]
    ) -> None:
        """`heard` is told of each switch that a look finds short of ACTIVE, so that it latches."""
        self._route = route
        self._switches = tuple(switches)
        self._heard = heard
        self.balance = Balance()

    def begin(
        self, waiting: Iterable[Proposal], working: Iterable[Proposal], held: Mapping[Symbol, Decimal]
    ) -> None:
        """Take over what is known of before: what waits to leave, what has left or may have, what is held."""
        self.balance.begin(waiting, working, held)

    def take_in(self, recorded: Sequence[Recorded[Event]]) -> None:
        """Hear what is on record now, before anything of it is sent."""
        for each in recorded:
            self.balance.take_in(each.event)

    def submit(
        self,
        order: Recorded[Leaving],
        *,
        effect: Effect,
        state: Callable[[], TradingState],
        is_over: Callable[[], bool],
        grant: Grant | None = None,
    ) -> Stopped | None:
        """Send the order, or return why it was withheld: then the broker has not seen it.

        `grant` is its agent's: a key that only reduces goes on through a halt, a person's hand beyond.

        `state` gives the trading state that holds for the order at the time of asking: the route may keep the
        order waiting for its turn, and looks again when that comes; `is_over` whether its proposal's time has
        passed by then. What reduces goes before what adds. Any other error of the route is raised: the order
        may have left, it stays SENDING on record, and only the broker can say what became of it.
        """
        assert isinstance(order, Recorded), f"expected a record that the journal returned, found {order!r}"
        instruction = order.event.instruction
        assert instruction is not None, f"expected an order that leaves, found {order.event}"
        approved = self.balance.take(order.event)
        if isinstance(approved, Imbalance):
            return Stopped(approved.reason, approved)
        tables = _tables_for(grant)

        def look() -> str | None:
            if effect is Effect.OPEN and is_over():
                return "it waited beyond its valid_until: the last look before sending permits it no more"
            return self._reason_to_withhold(effect, tables, state())

        reason = look()
        if reason is not None:
            return Stopped(reason)
        try:
            self._route.submit(order, look, urgent=effect is not Effect.OPEN)
        except Unsent as error:
            return Stopped(str(error))
        self.balance.note(approved, instruction.quantity)
        return None

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        """Ask the broker to cancel: never withheld, and harmless when asked twice."""
        assert isinstance(request, Recorded), (
            f"expected a record that the journal returned, found {request!r}"
        )
        self._route.cancel(request)

    def _reason_to_withhold(
        self, effect: Effect, tables: tuple[_Permitted, _Permitted], state: TradingState
    ) -> str | None:
        by_state, by_switch = tables
        if effect not in by_state[state]:
            return (
                f"trading is {state.value}: the last look before sending permits no order to {effect.value}"
            )
        for switch in self._switches:
            reading = switch.read()
            if reading.state is not TradingState.ACTIVE:
                self._heard(reading)
            if effect not in by_switch[reading.state]:
                return f"switch {reading.name} says {reading.state.value}: {reading.reason}"
        return None


def _tables_for(grant: Grant | None) -> tuple[_Permitted, _Permitted]:
    """What may leave by the trading state, and by each switch."""
    if grant is None or not grant.reduces_only:
        return LAST_LOOK, LAST_LOOK
    return PERMITTED_TO_HANDS if grant.by_hand else PERMITTED_TO_EXITS, PERMITTED_TO_EXITS
