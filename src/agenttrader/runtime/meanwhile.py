"""What a start finds: what was under way, and what was done while no gateway could be asked. Pure.

A fence above the last writer becomes a latch, once: whoever raised it wanted everything halted, and only a
person lifts that. The lines of the side journals follow, each once, however often the gateway starts.
"""

from collections.abc import Iterator, Sequence

from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import AnswerLost, Event, Halted, WindowSuspended, Withheld
from agenttrader.model.orders import Effect, OrderState
from agenttrader.model.outside import ActedOutside
from agenttrader.ports.fence import Fence
from agenttrader.runtime.adoption import named
from agenttrader.runtime.state import State


def meanwhile(state: State, fence: Fence | None, acted: Sequence[ActedOutside]) -> tuple[Event, ...]:
    """The records, where `state` is what the last writer left."""
    last_epoch = 0 if state.segment is None else state.segment.epoch
    latches = (
        ()
        if fence is None or fence.epoch <= last_epoch
        else (Halted(scope=EVERYTHING, state=TradingState.HALTED, by=fence.by, reason=fence.reason),)
    )
    news = tuple(each for each in acted if each.line > state.outside.lines.get(each.journal, 0))
    return (*latches, *news)


def left_behind(state: State) -> Iterator[Event]:
    """What becomes of all that was under way when the last process ended.

    The window is suspended, and what was leaving is UNKNOWN. A close goes on: what protected its position is
    being canceled, or has been. The orders that kill made are ours from here on: so nothing else closes what
    they close.
    """
    yield from named(state)
    if state.standing.window is not None:
        reason = "the gateway started again; a person resumes the window after reconciliation"
        yield WindowSuspended(reason=reason)
    for order in state.book.orders.open_orders():
        if not order.is_leg and order.state is OrderState.SENDING:
            yield AnswerLost(order_id=order.id, reason="the gateway died while it was leaving")
        elif order.state is OrderState.PENDING_APPROVAL:
            yield Withheld(order_id=order.id, reason="its approval is void: the gateway started again")
        elif not order.is_leg and order.state is OrderState.APPROVED and order.effect is not Effect.CLOSE:
            yield Withheld(order_id=order.id, reason="the gateway stopped before it was sent")
