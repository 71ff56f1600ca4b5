"""What may leave for whom is reckoned once, until something is heard that can change it."""

from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import TradingState
from agenttrader.runtime.inputs import HaltAsked, SwitchSeen
from agenttrader.testing.builders import OTHER_AGENT, proposal, switch
from agenttrader.testing.driver import trading


def test_an_answer_holds_for_all_that_ask_the_same_and_for_nobody_else() -> None:
    engine = trading().engine
    known = engine.standing(proposal(1))
    assert engine.standing(proposal(2)) is known
    assert engine.standing(proposal(3, agent=OTHER_AGENT, strategy="")) is not known
    assert engine.standing() is engine.standing()


def test_a_record_that_halts_and_a_switch_that_is_read_end_it() -> None:
    driver = trading()
    before = driver.engine.standing(proposal())
    assert before.state is TradingState.ACTIVE
    driver.give(SwitchSeen(switch(TradingState.REDUCE_ONLY)))
    switched = driver.engine.standing(proposal())
    assert switched.state is not TradingState.ACTIVE
    driver.give(HaltAsked(EVERYTHING, TradingState.FROZEN, "ada", "enough"))
    assert driver.engine.standing(proposal()).state is TradingState.FROZEN
