"""What was done while no gateway could be asked, as the records that its next start begins with. Pure.

A fence above the last writer becomes a latch, once: whoever raised it wanted everything halted, and only a
person lifts that. The lines of the side journals follow, each once, however often the gateway starts.
"""

from collections.abc import Sequence

from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import ActedOutside, Event, Halted
from agenttrader.ports.fence import Fence
from agenttrader.runtime.state import State


def meanwhile(state: State, fence: Fence | None, acted: Sequence[ActedOutside]) -> tuple[Event, ...]:
    """The records, where `state` is what the last writer left."""
    last_epoch = 0 if state.segment is None else state.segment.epoch
    latches = (
        ()
        if fence is None or fence.epoch <= last_epoch
        else (Halted(scope=EVERYTHING, state=TradingState.HALTED, by=fence.by, reason=fence.reason),)
    )
    news = tuple(each for each in acted if each.line > state.acted_outside.get(each.journal, 0))
    return (*latches, *news)
