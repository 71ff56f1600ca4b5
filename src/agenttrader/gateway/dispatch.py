"""The only door out: the one caller of the order route. It takes what is on record, looks again, sends once.

Nothing here decides or waits. An order leaves only while its trading state and every wired switch, read now,
permit its effect. A cancel always leaves. So does a close that was approved before a halt: its position has
no other protection left by then. Only FROZEN stops that too, and what the exits unit sends.
"""

from collections.abc import Callable, Mapping, Sequence

from agenttrader.gateway.checks.authority import PERMITTED_EFFECTS, PERMITTED_TO_EXITS
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import Unsent
from agenttrader.model.events import CancelRequested, Leaving
from agenttrader.model.orders import Effect
from agenttrader.model.records import Recorded
from agenttrader.ports.halt_switch import HaltSwitch
from agenttrader.ports.order_route import OrderRoute

LAST_LOOK: dict[TradingState, frozenset[Effect]] = {
    **PERMITTED_EFFECTS,
    TradingState.HALTED: PERMITTED_EFFECTS[TradingState.HALTED] | {Effect.CLOSE},
}
"""What of an agent's may leave that is on record as approved."""


class Dispatcher:
    """Hands recorded orders to the route, each at most once, and recorded cancels."""

    def __init__(
        self, route: OrderRoute, switches: Sequence[HaltSwitch], heard: Callable[[SwitchReading], None]
    ) -> None:
        """`heard` is told of each switch that a look finds short of ACTIVE, so that it latches."""
        self._route = route
        self._switches = tuple(switches)
        self._heard = heard
        self._last_sequence = 0

    def submit(
        self,
        order: Recorded[Leaving],
        *,
        effect: Effect,
        state: Callable[[], TradingState],
        only_reduces: bool = False,
    ) -> str | None:
        """Send the order, or return why it was withheld: then the broker has not seen it.

        With `only_reduces` its agent's key is one that can do nothing else, which a halt does not stop.

        `state` gives the trading state that holds for the order at the time of asking: the route may keep the
        order waiting for its turn, and looks again when that comes. Any other error of the route is raised:
        the order may have left, it stays SENDING on record, and only the broker can say what became of it.
        """
        assert isinstance(order, Recorded), f"expected a record that the journal returned, found {order!r}"
        assert order.event.instruction is not None, f"expected an order that leaves, found {order.event}"
        sequence = order.sealed.sequence
        assert sequence > self._last_sequence, f"record {sequence} was here before; an order leaves once"
        self._last_sequence = sequence

        def look() -> str | None:
            return self._reason_to_withhold(
                effect, PERMITTED_TO_EXITS if only_reduces else LAST_LOOK, state()
            )

        reason = look()
        if reason is not None:
            return reason
        try:
            self._route.submit(order, look)
        except Unsent as error:
            return str(error)
        return None

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        """Ask the broker to cancel: never withheld, and harmless when asked twice."""
        assert isinstance(request, Recorded), (
            f"expected a record that the journal returned, found {request!r}"
        )
        self._route.cancel(request)

    def _reason_to_withhold(
        self, effect: Effect, permitted: Mapping[TradingState, frozenset[Effect]], state: TradingState
    ) -> str | None:
        if effect not in permitted[state]:
            return (
                f"trading is {state.value}: the last look before sending permits no order to {effect.value}"
            )
        for switch in self._switches:
            reading = switch.read()
            if reading.state is not TradingState.ACTIVE:
                self._heard(reading)
            if effect not in permitted[reading.state]:
                return f"switch {reading.name} says {reading.state.value}: {reading.reason}"
        return None
