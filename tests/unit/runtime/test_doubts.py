"""What the exits unit doubts: one break of each kind of a symbol, from when it is told until it is not."""

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.breaks import Break, BreakKind, DoubtKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import BreakFound, BreakSettled
from agenttrader.model.identifiers import Symbol
from agenttrader.model.orders import Effect
from agenttrader.runtime.doubts import break_of_doubt, events_of_doubts
from agenttrader.runtime.inputs import DoubtsTold
from agenttrader.runtime.state import State
from agenttrader.testing.builders import ALFA, BRAVO, EXITS, MULTIPLIERS, closing_proposal, proposal
from agenttrader.testing.driver import Driver, trading


def doubt(symbol: Symbol = ALFA, kind: DoubtKind = DoubtKind.PRICE, sentence: str = "no price") -> Break:
    return break_of_doubt(symbol, kind, sentence)


def told(*doubts: Break) -> DoubtsTold:
    return DoubtsTold(EXITS, doubts)


def stands(driver: Driver) -> tuple[Break, ...]:
    return driver.engine.state.breaks


def test_a_doubt_halts_its_symbol_for_agents_and_for_no_exits_unit() -> None:
    driver = trading()
    driver.enter()
    assert driver.give(told(doubt())) == [BreakFound(found=doubt())]
    engine = driver.engine
    assert engine.standing(proposal(2)).state is TradingState.HALTED
    assert engine.standing(proposal(2)).reasons == ("break doubt: no price",)
    assert engine.standing().state is TradingState.ACTIVE
    driver.propose(proposal(2), closing_proposal(agent=EXITS))
    assert driver.order(proposal(2).id).denied_by == "trading_state"
    assert driver.order(closing_proposal(agent=EXITS).id).effect is Effect.CLOSE
    assert driver.order(closing_proposal(agent=EXITS).id).denied_by is None


def test_told_again_in_other_words_it_is_on_record_once() -> None:
    driver = trading()
    driver.give(told(doubt()))
    assert driver.give(told(doubt(sentence="still none"))) == []
    assert stands(driver) == (doubt(),)


def test_what_is_told_no_more_is_over_and_the_rest_stands() -> None:
    driver = trading()
    others = doubt(BRAVO), doubt(kind=DoubtKind.PLAN)
    driver.give(told(doubt(), *others))
    (settled,) = driver.give(told(*others))
    assert settled == BreakSettled(
        found=doubt(), by=EXITS, reason="it can be judged again, or is held no more"
    )
    assert set(stands(driver)) == set(others)
    driver.give(told())
    assert stands(driver) == ()
    assert driver.engine.standing(proposal()).state is TradingState.ACTIVE


def test_no_other_break_is_settled_by_it() -> None:
    other = Break(kind=BreakKind.ORDER_UNKNOWN, ours="1", theirs="", sentence="no answer", symbol=ALFA)
    assert list(events_of_doubts((other,), told())) == []


def test_a_restart_neither_forgets_nor_doubles_it() -> None:
    driver = trading()
    driver.give(told(doubt()))
    again = State(MULTIPLIERS)
    for record in driver.records:
        again.apply(record)
    assert again.breaks == (doubt(),)
    assert list(events_of_doubts(again.breaks, told(doubt()))) == []


@given(
    st.lists(
        st.frozensets(st.tuples(st.sampled_from((ALFA, BRAVO)), st.sampled_from(list(DoubtKind)))), max_size=6
    )
)
def test_what_stands_is_what_was_told_last(tellings: list[frozenset[tuple[Symbol, DoubtKind]]]) -> None:
    driver = trading()
    for number, telling in enumerate(tellings):
        driver.give(told(*(doubt(symbol, kind, f"sentence {number}") for symbol, kind in telling)))
        assert {(each.symbol, each.ours) for each in stands(driver)} == {(s, k.value) for s, k in telling}
        assert len(stands(driver)) == len(telling)
