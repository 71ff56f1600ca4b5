from agenttrader.gateway.balance import Imbalance
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.runtime.inputs import HaltAsked, LastLookStopped
from agenttrader.runtime.last_look import inputs_of, known_before
from agenttrader.testing.builders import ALFA, closing_proposal, proposal
from agenttrader.testing.driver import trading

HALT = HaltAsked(EVERYTHING, TradingState.HALTED, "balance", "why")


def test_what_waits_and_what_works_is_taken_over_and_what_has_ended_is_not() -> None:
    driver = trading()
    ended, works = driver.enter(1), proposal(2)
    driver.propose(works)
    close = closing_proposal(3)
    driver.propose(close)
    waiting, working, held = known_before(driver.engine.state.book)
    assert [each.id for each in waiting] == [close.id]
    assert [each.id for each in working] == [works.id]
    assert ended.state.is_terminal
    assert held == {ALFA: 10}


def test_what_was_not_approved_so_halts_everything_and_is_withheld_only_where_it_is_still_here() -> None:
    driver = trading()
    leaving = proposal(1)
    driver.propose(leaving)
    order = driver.order(leaving.id)
    withheld = LastLookStopped(order.id, "why")
    assert inputs_of("why", None, order) == (withheld,)
    assert inputs_of("why", Imbalance("why"), order) == (withheld, HALT)
    assert inputs_of("why", Imbalance("why", was_here=True), order) == (HALT,)
    driver.accept(leaving.id)
    assert inputs_of("why", Imbalance("why"), order) == (HALT,)
