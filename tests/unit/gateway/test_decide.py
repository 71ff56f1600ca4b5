from decimal import Decimal

import msgspec
import pytest

from agenttrader.gateway.checks.case import Case
from agenttrader.gateway.checks.catalog import CHECKS, CHECKS_FOR, RULES_FOR, Rule
from agenttrader.model.decisions import Check, Decision, TradingState
from agenttrader.model.identifiers import Digest
from agenttrader.model.instruments import Equity
from agenttrader.model.market import TradingStatus
from agenttrader.model.orders import Effect, ExitPlan
from agenttrader.model.times import Instant
from agenttrader.testing.situations import (
    ALFA,
    BRVO,
    HOUR,
    NOW,
    Situation,
    check_of,
    entry,
    exit_of_long,
    nothing_right,
    spread_entry,
)


def plan(stop: str, target: str) -> ExitPlan:
    return ExitPlan(stop=Decimal(stop), target=Decimal(target))


def test_every_leg_is_asked_and_the_worst_answers() -> None:
    over = spread_entry().limiting_symbol(BRVO, order_quantity_max=Decimal(199))
    assert check_of(over.decide(), "order_quantity") == Check(
        "order_quantity", Decimal(200), Decimal(199), passed=False
    )
    assert over.decide().denied_by == "order_quantity"
    near = spread_entry().limiting_symbol(BRVO, order_quantity_max=Decimal(200))
    assert check_of(near.decide(), "order_quantity").observed == 200
    stale = spread_entry().marked(1, time=Instant(NOW - HOUR))
    assert check_of(stale.decide(), "quote_age") == Check("quote_age", 3600, 120, passed=False)
    unknown = spread_entry().seeing_leg(0, status=None).seeing_leg(1, status=TradingStatus.HALTED)
    assert check_of(unknown.decide(), "symbol_status").observed is None


def test_the_legs_of_a_spread_cost_together_and_its_net_price_is_held_to_the_finest_tick() -> None:
    assert check_of(spread_entry().decide(), "buying_power").observed == 20_000
    coarse = spread_entry().seeing_leg(
        0, instrument=Equity(symbol=ALFA, tick=Decimal("0.05"), lot=Decimal(1))
    )
    assert coarse.proposing(limit_price=Decimal("0.01")).decide().denied_by is None
    assert spread_entry().proposing(limit_price=Decimal("0.001")).decide().denied_by == "tick"


def test_the_collar_of_a_spread_is_a_fraction_of_what_is_traded_not_of_the_net_price() -> None:
    assert spread_entry().proposing(limit_price=Decimal("4.99")).decide().denied_by is None
    wide = spread_entry().proposing(limit_price=Decimal("10.00"), exit_plan=plan("-3.00", "20.00"))
    assert wide.decide().denied_by is None
    assert check_of(wide.decide(), "price_collar").permitted == 10
    wider = spread_entry().proposing(limit_price=Decimal("10.01"), exit_plan=plan("-3.00", "20.00"))
    assert wider.decide().denied_by == "price_collar"


def test_one_leg_that_is_foreign_or_against_a_position_denies_the_whole() -> None:
    assert spread_entry().granting(symbols=frozenset({ALFA})).decide().denied_by == "ownership"
    assert spread_entry().seeing_leg(1, position=Decimal(1)).decide().denied_by == "opens"
    assert spread_entry().limiting_symbol(BRVO, shorting_permitted=False).decide().denied_by == "shorting"


def test_without_a_price_a_check_still_says_what_would_be_permitted() -> None:
    decision = entry().seeing_leg(mark=None).decide()
    assert check_of(decision, "quote_age") == Check("quote_age", None, 120, passed=False)
    assert check_of(decision, "order_notional") == Check(
        "order_notional", None, Decimal(60_000), passed=False
    )


def test_an_agent_or_symbol_without_limits_may_do_nothing() -> None:
    limits = entry().limits
    nobody = msgspec.structs.replace(entry(), limits=msgspec.structs.replace(limits, agent={}))
    assert nobody.decide().denied_by == "agent"
    assert check_of(nobody.decide(), "open_orders_agent") == Check("open_orders_agent", 1, None, passed=False)
    nothing = msgspec.structs.replace(entry(), limits=msgspec.structs.replace(limits, symbol={}))
    assert nothing.decide().denied_by == "instrument"
    assert check_of(nothing.decide(), "order_quantity") == Check(
        "order_quantity", Decimal(100), None, passed=False
    )


@pytest.mark.parametrize("number", range(len(CHECKS)))
def test_any_exception_in_a_check_denies_by_its_code(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def explode(_: Case) -> Check:
        raise ZeroDivisionError("by nobody")

    rules = [*CHECKS]
    rules[number] = Rule(CHECKS[number].code, explode, CHECKS[number].binds)
    effect = next(iter(CHECKS[number].binds))
    bound = tuple(rule for rule in rules if effect in rule.binds)
    for kind in [kind for kind in RULES_FOR if kind[0] is effect]:
        monkeypatch.setitem(RULES_FOR, kind, bound)
        monkeypatch.setitem(CHECKS_FOR, kind, tuple(rule.check for rule in bound))
    situation = entry() if effect is Effect.OPEN else exit_of_long(effect)
    decision = situation.decide()
    assert decision.denied_by == CHECKS[number].code
    failed = check_of(decision, CHECKS[number].code)
    assert failed.observed == "ZeroDivisionError: by nobody"


def test_a_snapshot_of_another_proposal_is_a_mistake_of_the_caller() -> None:
    other = entry().proposing(quantity=Decimal(99))
    with pytest.raises(AssertionError, match="its own quantities"):
        msgspec.structs.replace(other, snapshot=entry().snapshot).decide()
    with pytest.raises(ValueError, match="zip"):
        msgspec.structs.replace(entry(), snapshot=spread_entry().snapshot).decide()


@pytest.mark.parametrize("situation", (entry(), exit_of_long(), spread_entry(), nothing_right(Effect.OPEN)))
def test_deciding_changes_nothing_and_always_says_the_same(situation: Situation) -> None:
    before = msgspec.json.encode(situation, order="deterministic")
    decisions = {msgspec.json.encode(situation.decide()) for _ in range(3)}
    assert len(decisions) == 1
    assert msgspec.json.encode(situation, order="deterministic") == before


def test_a_decision_carries_all_that_it_was_made_on() -> None:
    inputs = spread_entry().seeing_leg(1, mark=None, status=None).decide().inputs
    assert inputs.now == NOW
    assert inputs.limits == Digest("1" * 64)
    assert inputs.equity == 250_000
    assert inputs.switches == (("store", TradingState.ACTIVE), ("file", TradingState.ACTIVE))
    assert inputs.symbol_statuses == ((ALFA, "trading"), (BRVO, "unknown"))
    alfa, brvo = inputs.marks
    assert (alfa.symbol, alfa.price, alfa.time, alfa.source) == (ALFA, Decimal(100), NOW, "generated")
    assert (brvo.symbol, brvo.price, brvo.time, brvo.source) == (BRVO, None, None, None)


def test_a_decision_survives_the_journal() -> None:
    decision = nothing_right(Effect.OPEN).decide()
    again = msgspec.json.decode(msgspec.json.encode(decision), type=Decision)
    assert msgspec.json.encode(again) == msgspec.json.encode(decision)
