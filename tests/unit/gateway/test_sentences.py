from decimal import Decimal

import msgspec
import pytest

from agenttrader.gateway import groups
from agenttrader.gateway.checks.catalog import CHECKS
from agenttrader.gateway.sentences import NO_ANSWER, NO_LIMIT, SENTENCES, sentence_of
from agenttrader.model.authority import Mode
from agenttrader.model.decisions import Check, TradingState
from agenttrader.model.orders import Effect, ExitPlan, OrderType
from agenttrader.model.times import Instant
from agenttrader.testing.situations import (
    NOW,
    Situation,
    check_of,
    entry,
    exit_of_long,
    nothing_right,
    short_entry,
)


def denial(situation: Situation) -> str:
    decision = situation.decide()
    assert decision.denied_by is not None
    return sentence_of(check_of(decision, decision.denied_by))


def test_every_code_has_a_sentence_and_no_sentence_is_without_a_code() -> None:
    assert list(SENTENCES) == [*(rule.code for rule in CHECKS), groups.CODE]


@pytest.mark.parametrize(
    ("situation", "expected"),
    (
        (
            entry().seeing(
                trading_state=TradingState.HALTED, halt_reasons=("the file EXECUTION_HALTED says 1",)
            ),
            (
                "Trading is halted: the file EXECUTION_HALTED says 1. This order needs trading active. "
                "A person settles the reasons, then opens or resumes a window."
            ),
        ),
        (
            exit_of_long().seeing(trading_state=TradingState.FROZEN),
            (
                "Trading is frozen. This order needs trading active or reduce_only. A person settles "
                "the reasons, then opens or resumes a window."
            ),
        ),
        (
            entry().seeing(window=None),
            (
                "Trading is at rest: no window is open. A person opens one with a signed statement to "
                "/v1/windows."
            ),
        ),
        (
            entry().leased(mode=Mode.PAPER).granting(mode_ceiling=Mode.OFF),
            (
                "The window's mode is paper and the ceiling off: orders leave only in paper or live, up to "
                "the ceiling. Under a ceiling below paper no window helps: a person raises mode_ceiling. "
                "Under another a person opens a window in a mode that may."
            ),
        ),
        (
            entry().leased(start=Instant(NOW + 1_000_000_000)),
            (
                "The window does not let orders in: now is 2026-11-20T15:00:00Z, the window is "
                "2026-11-20T15:00:01Z to 2026-11-20T21:00:00Z. A person opens or resumes one with a "
                "signed statement to /v1/windows."
            ),
        ),
        (
            entry().proposing(quantity=Decimal(501)),
            "The order is for 501 units, at most 500 are permitted. Send a smaller one.",
        ),
        (
            entry().proposing(exit_plan=None),
            "The order opens a position and does not say how it will be left. Give exit_plan.stop.",
        ),
        (
            entry().proposing(strategy=""),
            (
                "The agent does not run a strategy named none; it runs: momentum. Name one of these, or"
                " no strategy where it runs none."
            ),
        ),
        (
            entry().proposing(exit_plan=ExitPlan(stop=Decimal(97), trail=Decimal(0))),
            (
                "The exit plan has a trail of 0. It needs a stop, a trail above 0 if any, and an end in the "
                "future if any."
            ),
        ),
        (
            entry().proposing(exit_plan=ExitPlan(stop=Decimal(97), until=NOW)),
            (
                "The exit plan has an end that is not in the future. It needs a stop, a trail above 0 if "
                "any, and an end in the future if any."
            ),
        ),
        (
            short_entry().limiting_symbol(shorting_permitted=False),
            "The order would go short, and the symbol may only go long.",
        ),
        (
            exit_of_long(Effect.REDUCE).proposing(
                type=OrderType.LIMIT, limit_price=Decimal("1E+2"), quantity=Decimal("1E+3")
            ),
            (
                "The order would take 1000 off the position, and 100 can be taken off: what works to "
                "reduce already counts. Ask for less, or cancel what works."
            ),
        ),
    ),
)
def test_a_denial_says_what_was_found_what_is_permitted_and_what_to_do(
    situation: Situation, expected: str
) -> None:
    assert denial(situation) == expected


@pytest.mark.parametrize("effect", Effect)
def test_every_failure_reads_the_same_from_the_journal_and_shows_all_its_numbers(effect: Effect) -> None:
    decision = nothing_right(effect).decide()
    for check in decision.checks:
        if not check.passed:
            sentence = sentence_of(check)
            assert sentence == sentence_of(msgspec.json.decode(msgspec.json.encode(check), type=Check))
            assert sentence.endswith(".")
            assert not {"{", "}"} & set(sentence)


def test_a_limit_that_is_not_set_is_said_to_be_so() -> None:
    assert sentence_of(Check("order_quantity", Decimal(100), None, passed=False)) == NO_LIMIT


def test_a_check_that_raised_is_to_be_reported() -> None:
    check = Check("tick", "InvalidOperation: no", NO_ANSWER, passed=False)
    assert (
        sentence_of(check)
        == "The check tick could not be made (InvalidOperation: no), so the answer is no. Report this."
    )
