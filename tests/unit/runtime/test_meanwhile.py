from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Event, Halted
from agenttrader.model.outside import ActedOutside
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.ports.fence import Fence
from agenttrader.runtime.meanwhile import meanwhile
from agenttrader.runtime.state import State
from agenttrader.testing.builders import MULTIPLIERS, OPEN, segment


def fence(epoch: int) -> Fence:
    return Fence(epoch=epoch, by="kill by ann", reason="enough", time=OPEN)


def acted(line: int, journal: str = "kill") -> ActedOutside:
    return ActedOutside(
        journal=journal,
        line=line,
        time=Instant(OPEN + line),
        by="kill by ann",
        act="cancel",
        subject=f"b-{line}",
        stage="asked",
        outcome="",
    )


def after(*events: Event) -> State:
    state, chain = State(MULTIPLIERS), Chain()
    for event in events:
        state.apply(chain.seal(event, OPEN))
    return state


LATCH = Halted(scope=EVERYTHING, state=TradingState.HALTED, by="kill by ann", reason="enough")


def test_nothing_happened() -> None:
    assert meanwhile(after(), None, ()) == ()


def test_a_fence_above_the_last_writer_is_a_latch_once() -> None:
    assert meanwhile(after(), fence(2), ()) == (LATCH,)
    assert meanwhile(after(segment(1)), fence(3), ()) == (LATCH,)
    assert meanwhile(after(segment(4)), fence(3), ()) == ()


def test_each_line_of_each_side_journal_is_taken_in_once() -> None:
    lines = (acted(1), acted(2), acted(1, "sentinel"))
    assert meanwhile(after(segment(1)), None, lines) == lines
    state = after(segment(1), *lines)
    assert meanwhile(state, None, lines) == ()
    assert meanwhile(state, None, (*lines, acted(3))) == (acted(3),)
