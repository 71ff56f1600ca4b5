"""A limit that a person tightens: at once, only tighter, over restarts, and named by every decision."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from agenttrader.gateway.limits import GroupLimits, GroupName
from agenttrader.model.authority import PersonRole
from agenttrader.model.events import Decided
from agenttrader.model.identifiers import PersonName, Symbol
from agenttrader.model.ruling import LimitTightened, RulingChange
from agenttrader.runtime.inputs import TightenAsked
from agenttrader.runtime.rule_values import said_by, values_of, waiting
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.runtime.tightening import tightened
from agenttrader.testing.approving import ANN, EVE, PEOPLE, TERMS, manual_rules
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    EXITS,
    MULTIPLIERS,
    authority,
    closing_proposal,
    proposal,
    rules,
)
from agenttrader.testing.driver import Driver
from agenttrader.testing.ruling_driver import begun, tighten, trading


def decided(driver: Driver, number: int) -> Decided:
    (found, *_) = driver.propose(proposal(number))
    assert isinstance(found, Decided)
    return found


def test_it_rules_the_next_decision_which_names_what_ruled() -> None:
    driver = trading()
    before = decided(driver, 1)
    assert before.decision.denied_by is None
    assert tighten(driver, "symbol.ALFA.order_quantity_max", "9") == ""
    last = driver.records[-1].event
    assert last == LimitTightened(
        change=RulingChange("symbol.ALFA.order_quantity_max", "1000", "9"), by="ada", reason="a rough day"
    )
    after = decided(driver, 2)
    assert after.decision.denied_by == "order_quantity"
    assert after.decision.inputs.limits == driver.engine.rules.limits_digest != before.decision.inputs.limits


@pytest.mark.parametrize(
    ("name", "value", "code"),
    (
        ("account.gross_exposure_max", "999.99", "gross_exposure_account"),
        ("account.daily_orders_max", "0", "daily_orders_account"),
        (f"agent.{AGENT}.daily_new_risk_max", "999", "daily_new_risk_agent"),
        (f"agent.{AGENT}.order_types", "limit,stop", "order_type"),
        (f"agent.{AGENT}.order_types", "none", "order_type"),
        (f"agent.{AGENT}.mode_ceiling", "observe", "mode"),
        ("environment.mode_ceiling", "dry_run", "mode"),
        ("symbol.ALFA.price_collar_fraction_max", "0.0", None),
        ("symbol.ALFA.position_quantity_max", "9", "position"),
        ("account.restricted", "ALFA", "restricted"),
        ("account.restricted", "BRAVO,ALFA", "restricted"),
    ),
)
def test_each_kind_of_value_can_be_tightened(name: str, value: str, code: str | None) -> None:
    driver = trading()
    assert tighten(driver, name, value) == ""
    assert decided(driver, 1).decision.denied_by == code


def test_no_token_lets_a_symbol_into_a_group_where_only_what_is_in_one_may_be_opened() -> None:
    """That is no tightening: what was in none could be opened then."""
    driver = trading(with_group(ALFA, ungrouped_permitted=False))
    records = len(driver.records)
    assert "expected more names than ALFA" in tighten(driver, "group.tech.symbols", "BRAVO")
    assert len(driver.records) == records
    assert in_group(driver) == {ALFA}


def test_nor_does_a_file_after_that_was_tightened() -> None:
    driver = begun(with_group(ALFA))
    assert tighten(driver, "account.ungrouped_permitted", "false") == ""
    again = begun(with_group(ALFA, BRAVO), driver)
    assert in_group(again) == {ALFA}
    names = [each.name for each in waiting(again.engine.configured, again.engine.state.ruling)]
    assert names == ["account.ungrouped_permitted", "group.tech.symbols"]


def test_a_new_group_of_what_was_in_none_waits_whole_and_keeps_no_gateway_from_starting() -> None:
    shut = with_group(ALFA, ungrouped_permitted=False)
    more = structs.replace(
        shut.limits.group[GroupName("tech")], symbols=frozenset({BRAVO}), daily_orders_max=7
    )
    limits = structs.replace(shut.limits, group={**shut.limits.group, GroupName("oil"): more})
    again = begun(structs.replace(shut, limits=limits, limits_digest=limits.digest), begun(shut))
    assert list(again.engine.rules.limits.group) == ["tech"]
    changes = waiting(again.engine.configured, again.engine.state.ruling)
    assert RulingChange("group.oil.daily_orders_max", None, "7") in changes
    assert {each.name.rpartition(".")[0] for each in changes} == {"group.oil"}


def with_group(*symbols: Symbol, ungrouped_permitted: bool = True) -> Rules:
    made = rules()
    group = GroupLimits(
        symbols=frozenset(symbols),
        gross_exposure_max=Decimal(1_000_000),
        net_exposure_max=Decimal(1_000_000),
        daily_orders_max=1_000,
        daily_new_risk_max=Decimal(1_000_000),
    )
    account = structs.replace(made.limits.account, ungrouped_permitted=ungrouped_permitted)
    limits = structs.replace(made.limits, account=account, group={GroupName("tech"): group})
    return structs.replace(made, limits=limits, limits_digest=limits.digest)


def in_group(driver: Driver) -> frozenset[Symbol]:
    return driver.engine.rules.limits.group[GroupName("tech")].symbols


def test_a_breaker_can_be_tightened() -> None:
    driver = trading()
    assert tighten(driver, "breakers.rejects_max", "1") == ""
    assert driver.engine.rules.breakers.rejects_max == 1


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    (
        ("account.gross_exposure_max", "10000001", "expected a smaller number than 10000000, found 10000001"),
        ("account.gross_exposure_max", "10000000.0", "expected a smaller number"),
        ("account.gross_exposure_max", "1e3x", "expected a decimal number"),
        ("account.gross_exposure_max", "-1", "cannot be"),
        ("account.open_orders_max", "2.5", "cannot be"),
        (f"agent.{AGENT}.repeat_seconds", "30", "expected a larger number than 60, found 30"),
        (f"agent.{AGENT}.times_in_force", "day,gtc", "expected fewer names than day, found day,gtc"),
        (
            "account.restricted",
            "ALPHA",
            "expected a configured instrument, found 'ALPHA'; the nearest is ALFA",
        ),
        (f"agent.{AGENT}.mode_ceiling", "live", "expected a stricter word than paper, found live"),
        (f"agent.{AGENT}.mode_ceiling", "papr", "expected one of off, observe, dry_run, paper, live"),
        (f"agent.{AGENT}.symbols", "ALFA", "put the symbol onto account.restricted"),
        ("account.gros_exposure_max", "1", "such as account.gross_exposure_max; see `limits show`"),
        ("breakers.hard_fraction", "0.0001", "cannot be"),
        ("program.checks", "ALFA", "they are the program's own"),
        ("person.ada.role", "viewer", "whoever would sign for the way back"),
    ),
)
def test_what_is_not_tighter_or_cannot_be_is_refused_and_changes_nothing(
    name: str, value: str, sentence: str
) -> None:
    driver = trading()
    before, records = values_of(driver.engine.rules), len(driver.records)
    assert sentence in tighten(driver, name, value)
    assert values_of(driver.engine.rules) == before
    assert len(driver.records) == records


def with_approvals(people: dict[PersonName, PersonRole], **changes: Any) -> Rules:
    return rules(approvals=TERMS, authority=authority(people=people, requesters={AGENT: EVE}), **changes)


def test_persons_are_asked_from_now_on_where_somebody_can_be() -> None:
    driver = trading(with_approvals(PEOPLE))
    assert tighten(driver, f"agent.{AGENT}.approval", "manual") == ""
    driver.propose(proposal(1))
    assert proposal(1).id in driver.engine.state.approvals.waiting


@pytest.mark.parametrize(
    ("made", "why"),
    (
        (rules(), "the configuration has no [approvals]"),
        (rules(approvals=TERMS), f"the configuration has no [agents.{AGENT}] requester"),
        (with_approvals({EVE: PersonRole.ADMIN}), "1 must, and besides eve, its requester, nobody may"),
        (
            with_approvals({EVE: PersonRole.ADMIN, ANN: PersonRole.OPERATOR}),
            "1 must, and besides eve, its requester, nobody may",
        ),
    ),
    ids=("terms", "requester", "alone", "role"),
)
def test_entries_are_not_left_to_persons_where_nobody_could_be_asked(made: Rules, why: str) -> None:
    refusal = tighten(trading(made), f"agent.{AGENT}.approval", "manual")
    assert f"found that {why}: all would be denied; stop them by a halt instead" in refusal
    assert f"`agenttrader halt --scope agent:{AGENT}`" in refusal


def test_no_more_persons_are_asked_for_than_there_are() -> None:
    made = manual_rules(structs.replace(TERMS, persons_needed=1))
    refusal = tighten(trading(made), "approvals.persons_needed", "9")
    assert f"agent.{AGENT}.approval: expected somebody who can approve its entries" in refusal


def test_looser_is_refused_with_how_loosening_is_done() -> None:
    refusal = tighten(trading(), "account.open_orders_max", "2000")
    assert "loosening is a file, a restart and signatures" in refusal
    assert "agenttrader limits loosen" in refusal


def test_whatever_is_tightened_to_its_end_a_position_can_be_left() -> None:
    made, strictest = rules(), ("0", "1000000", "off", "manual", "false", "none", "ALFA")
    asked = [TightenAsked(name, value, "ada", "?") for name in values_of(made) for value in strictest]
    tighter = [each for each in asked if not isinstance(tightened(each, made), str)]
    kinds = {each.name.partition(".")[0] for each in tighter}
    assert kinds == {"account", "agent", "breakers", "environment", "strategy", "symbol"}
    for number, each in enumerate(tighter):
        driver = trading()
        held = driver.enter(1)
        assert driver.hear(each).refusal == ""
        agent = (AGENT, EXITS)[number % 2]
        leaving = closing_proposal(2, agent=agent, quantity=held.filled, decision_price=Decimal("100.5"))
        (found, *_) = driver.propose(leaving)
        assert isinstance(found, Decided)
        assert found.decision.denied_by is None, each


def test_a_restricted_symbol_can_still_be_left() -> None:
    driver = trading()
    held = driver.enter(1)
    assert tighten(driver, "account.restricted", "ALFA") == ""
    (found, *_) = driver.propose(closing_proposal(2, quantity=held.filled))
    assert isinstance(found, Decided)
    assert found.decision.denied_by is None


def test_it_survives_restarts_and_the_file_does_not_undo_it() -> None:
    driver = trading()
    tighten(driver, "account.gross_exposure_max", "5000")
    tighten(driver, "account.restricted", "BRAVO")
    again = begun(before=driver)
    assert again.engine.rules.limits.account.gross_exposure_max == 5000
    assert again.engine.rules.limits.account.restricted == {BRAVO}
    wider = structs.replace(
        rules().limits, account=structs.replace(rules().limits.account, gross_exposure_max=Decimal(7000))
    )
    third = begun(structs.replace(rules(), limits=wider, limits_digest=wider.digest), again)
    assert third.engine.rules.limits.account.gross_exposure_max == 5000
    tighter = structs.replace(wider, account=structs.replace(wider.account, gross_exposure_max=Decimal(4000)))
    fourth = begun(structs.replace(rules(), limits=tighter, limits_digest=tighter.digest), third)
    assert fourth.engine.rules.limits.account.gross_exposure_max == 4000


def test_folded_again_in_the_middle_of_a_segment_it_rules_the_same() -> None:
    driver = trading()
    tighten(driver, "symbol.ALFA.order_quantity_max", "9")
    state = State(MULTIPLIERS)
    for sealed in driver.records:
        state.apply(sealed)
    assert state.ruling.tightened == driver.engine.state.ruling.tightened
    engine = type(driver.engine)(driver.engine.configured, state, driver.engine.chain)
    assert values_of(engine.rules) == values_of(driver.engine.rules)
    assert said_by(engine.configured, state.ruling) == said_by(
        driver.engine.configured, driver.engine.state.ruling
    )
    assert engine.rules.limits.symbol[ALFA].order_quantity_max == 9


def test_of_two_the_tighter_stays_and_a_second_is_held_to_the_first() -> None:
    driver = trading()
    assert tighten(driver, "account.open_orders_max", "5") == ""
    assert "expected a smaller number than 5" in tighten(driver, "account.open_orders_max", "5")
    assert tighten(driver, "account.open_orders_max", "4") == ""
    assert driver.engine.rules.limits.account.open_orders_max == 4
