"""Options exercised before their end: what moves, how much of a holding, and what is refused."""

from decimal import Decimal

from agenttrader.simulation.inputs import AccountOpening, ExerciseAsked, Outcome
from agenttrader.simulation.listings import DOLLAR
from agenttrader.simulation.option_events import OptionEvent, OptionPosted
from agenttrader.simulation.orders import Reason
from agenttrader.testing.option_stage import OptionStage, call, put


def stage_of(cash: int = 20_000, *, shorting: bool = False) -> OptionStage:
    opening = AccountOpening(name="a", cash=Decimal(cash), shorting=shorting, options_level=3)
    return OptionStage(accounts=(opening,))


def have(stage: OptionStage, *legs: tuple[int, str]) -> None:
    """Hold these, each bought and sold for 1.00."""
    if len(legs) > 1:
        stage.package(*legs, limit="0.00")
    else:
        stage.ask(legs[0][0], legs[0][1], "1.00")
    for _, symbol in legs:
        stage.quote(symbol, "1.00", "1.00")
    assert [stage.lots(symbol) for _, symbol in legs] == [lots for lots, _ in legs]


def exercised(stage: OptionStage, symbol: str) -> Outcome:
    return stage.tell(ExerciseAsked(account="a", symbol=symbol))


def refusal(stage: OptionStage, symbol: str) -> tuple[Reason, str]:
    before = (stage.cash(), stage.lots("ABC"), len(stage.exchange.activities["a"]))
    outcome = exercised(stage, symbol)
    assert outcome.refusal is not None
    assert not outcome.applied
    assert (stage.cash(), stage.lots("ABC"), len(stage.exchange.activities["a"])) == before
    return outcome.refusal.reason, outcome.refusal.message


def test_a_call_buys_shares_and_a_put_sells_them_at_the_strike() -> None:
    stage = stage_of()
    have(stage, (1, call(95)))
    assert exercised(stage, call(95)).applied
    assert (stage.lots("ABC"), stage.lots(call(95))) == (100, 0)
    assert stage.cash() == 20_000 - 100 - 9_500
    assert stage.books.ledger.cost("a", "ABC") == 9_500 * DOLLAR
    have(stage, (1, put(105, 1)))
    assert exercised(stage, put(105, 1)).applied
    assert stage.lots("ABC") == 0
    assert stage.cash() == 20_000 - 100 - 9_500 - 100 + 10_500
    posted = [each for each in stage.exchange.activities["a"] if isinstance(each, OptionPosted)]
    assert [(each.event, each.symbol, each.lots, each.femtos // DOLLAR) for each in posted] == [
        (OptionEvent.EXERCISED, call(95), -1, 0),
        (OptionEvent.SHARES, "ABC", 100, -9_500),
        (OptionEvent.EXERCISED, put(105, 1), -1, 0),
        (OptionEvent.SHARES, "ABC", -100, 10_500),
    ]


def test_what_an_order_holds_is_not_exercised() -> None:
    stage = stage_of()
    have(stage, (3, call(95)))
    resting = stage.ask(-2, call(95), "5.00")
    assert exercised(stage, call(95)).applied
    assert (stage.lots("ABC"), stage.lots(call(95))) == (100, 2)
    assert refusal(stage, call(95)) == (
        Reason.FORBIDDEN,
        "no available position for the specified contract",
    )
    assert stage.now(resting).status.is_open


def test_what_is_not_held_long_is_refused() -> None:
    stage = stage_of()
    assert refusal(stage, "ABC") == (Reason.UNPROCESSABLE, "invalid symbol")
    assert refusal(stage, "XYZ") == (Reason.UNPROCESSABLE, "invalid symbol")
    assert refusal(stage, call(95))[0] is Reason.FORBIDDEN
    have(stage, (-1, put(95)))
    assert refusal(stage, put(95)) == (Reason.SHORT_POSITION, "cannot exercise short position")


def test_a_call_needs_the_cash_and_a_put_the_shares() -> None:
    poor = stage_of(cash=9_599)
    have(poor, (1, call(95)))
    assert refusal(poor, call(95)) == (
        Reason.FORBIDDEN,
        "insufficient options buying power (required: 9500.00, available: 9499.00)",
    )
    stage = stage_of()
    have(stage, (1, put(105)))
    assert "insufficient qty available" in refusal(stage, put(105))[1]
    stage.ask(100, "ABC")
    stage.bar(100)
    stage.ask(-100, "ABC", "120.00")
    assert "available: 0" in refusal(stage, put(105))[1]


def test_a_spread_that_loses_its_long_leg_stays_covered() -> None:
    calls = stage_of()
    have(calls, (1, call(95)), (-1, call(105)))
    assert exercised(calls, call(95)).applied
    assert calls.lots("ABC") == 100  # which now stand behind the call that is short
    assert calls.ask(-100, "ABC").refusal is not None
    puts = stage_of(cash=10_000)
    puts.ask(100, "ABC", "95.00")
    puts.bar(94)
    have(puts, (1, put(105)), (-1, put(100)))
    assert puts.power() == 600
    assert exercised(puts, put(105)).applied
    assert puts.lots("ABC") == 0
    assert puts.cash() == 11_100
    assert puts.power() == 1_100  # the put that is short needs its strike


def test_the_cover_of_a_call_at_another_day_is_not_exercised_away() -> None:
    stage = stage_of(cash=10_500)
    have(stage, (1, put(105)), (-1, put(100)))
    stage.ask(100, "ABC")
    stage.bar(100)
    have(stage, (-1, call(110, 1)))
    # The shares stand behind the call: the put cannot sell them.
    assert "insufficient qty available" in refusal(stage, put(105))[1]


def test_shares_that_are_short_are_bought_back() -> None:
    stage = stage_of(shorting=True)
    stage.ask(-100, "ABC")
    stage.bar(100)
    have(stage, (1, call(95)))
    assert exercised(stage, call(95)).applied
    assert stage.lots("ABC") == 0
