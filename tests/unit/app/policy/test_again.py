"""Every decision comes out as it was, made again from the records alone; by other limits, as they say."""

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agenttrader.app.policy.again import Again, Replay
from agenttrader.app.policy.alike import is_alike, outcome
from agenttrader.model.approvals import ApprovalAsked, ApprovalTerms
from agenttrader.model.authority import Act, Approval, PersonRole
from agenttrader.model.decisions import DecisionInputs, TradingState
from agenttrader.model.events import Decided, Event, SegmentOpened
from agenttrader.model.identifiers import PersonName
from agenttrader.model.orders import Changes, Leg, OrderType
from agenttrader.model.records import Sealed
from agenttrader.model.ruling import RulingValue
from agenttrader.model.times import Instant
from agenttrader.runtime.inputs import (
    AccountStated,
    GroupProposed,
    MarketSeen,
    ReplaceAsked,
    StatementGiven,
    SwitchSeen,
    TightenAsked,
    TimeReached,
)
from agenttrader.runtime.rule_values import said_by
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.ruling import Ruling
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    BRAVO,
    MULTIPLIERS,
    PERSON,
    STRATEGY,
    at,
    authority,
    bar,
    broker_statement,
    closing_proposal,
    grant,
    proposal,
    rules,
    signed,
    switch,
)
from agenttrader.testing.decided_again import decided_again, decided_otherwise
from agenttrader.testing.driver import READY, Driver, at_rest, trading
from agenttrader.testing.hostile_day import HostileDay

D = Decimal
TRAILING = proposal(2, type=OrderType.TRAILING_STOP, trail_price=D(5))
PAIR = (proposal(5, group="pair"), proposal(6, group="pair", legs=(Leg(BRAVO),)))


def with_account(**limits: object) -> Callable[[Rules], Rules]:
    def asked(own: Rules) -> Rules:
        account = structs.replace(own.limits.account, **limits)
        return structs.replace(own, limits=structs.replace(own.limits, account=account))

    return asked


def played(driver: Driver, asked: Callable[[Rules], Rules], configured: Rules | None = None) -> list[Again]:
    replay = Replay(configured or rules(), MULTIPLIERS, asked)
    return [again for sealed in driver.records for again in replay.see(sealed)]


def outcomes(found: Iterable[Again]) -> list[tuple[str, ...]]:
    made = [(each.recorded, each.asked, each.own) for each in found]
    return [tuple(outcome(each) for each in three if each is not None) for three in made]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 200))
def test_whatever_happens_every_decision_comes_out_as_it_was(seed: int, length: int) -> None:
    day = HostileDay(seed)
    for _ in range(length):
        day.go_on()
    assert list(decided_otherwise(day.records, rules(), MULTIPLIERS)) == []


def busy() -> Driver:
    """A position whose price moves, a replaced entry, a pair, a denied pair, a close, a restart."""
    driver = trading()
    driver.enter(1)
    driver.give(MarketSeen(bar(2, 104, ALFA)), MarketSeen(bar(2, 104, BRAVO)), TimeReached(at(2)))
    driver.propose(TRAILING)
    driver.accept(TRAILING.id)
    driver.give(ReplaceAsked(TRAILING.id, proposal(3).id, Changes(quantity=D(12)), AGENT, "more"))
    driver.give(GroupProposed(PAIR))
    twins = tuple(
        structs.replace(each, id=proposal(each_id).id, quantity=D(quantity))
        for each, each_id, quantity in zip(PAIR, (7, 8), (3, 5_000), strict=True)
    )
    driver.give(GroupProposed(twins))
    driver.give(MarketSeen(bar(3, 103, ALFA)), TimeReached(at(3)))
    driver.propose(proposal(9), closing_proposal())
    driver.start(epoch=2)
    driver.give(*READY[:4])
    driver.propose(proposal(10))
    return driver


def test_positions_replacements_groups_closes_and_restarts_are_made_again() -> None:
    driver = busy()
    found = list(decided_again(driver.records, rules(), MULTIPLIERS))
    assert [outcome(each.asked) for each in found] == [
        *("approved", "approved", "approved"),
        *("approved", "approved"),
        *("group", "order_quantity"),
        *("approved", "approved"),
        "trading_state",
    ]
    assert list(decided_otherwise(driver.records, rules(), MULTIPLIERS)) == []
    assert all(each.own is each.asked for each in found)


def test_of_a_decision_that_was_made_again_no_answers_are_kept() -> None:
    driver, replay = busy(), Replay(rules(), MULTIPLIERS)
    for sealed in driver.records:
        list(replay.see(sealed))
    kept = [order.decision for order in replay.state.book.orders.by_id.values() if order.decision is not None]
    assert len(kept) == len(list(decided_again(driver.records, rules(), MULTIPLIERS)))
    assert all(decision.checks == () for decision in kept)


def without(driver: Driver, **changes: object) -> list[Sealed[Event]]:
    """The records, with something left out of what each decision says that it used."""
    records = []
    for sealed in driver.records:
        event = sealed.event
        if isinstance(event, Decided):
            inputs = structs.replace(event.decision.inputs, **changes)
            event = structs.replace(event, decision=structs.replace(event.decision, inputs=inputs))
        records.append(structs.replace(sealed, event=event))
    return records


@pytest.mark.parametrize("field", ("prices", "buying_power", "marks", "symbol_statuses"))
def test_a_decision_that_does_not_say_what_it_used_comes_out_otherwise(field: str) -> None:
    driver = busy()
    empty = structs.fields(DecisionInputs)
    (default,) = [each.default for each in empty if each.name == field]
    nothing = () if default is msgspec.NODEFAULT else default
    told = list(decided_otherwise(without(driver, **{field: nothing}), rules(), MULTIPLIERS))
    assert told
    assert told[0].startswith("record ")


def test_a_switch_that_was_not_read_is_told_from_one_that_halts() -> None:
    driver = at_rest()
    driver.propose(proposal(1))
    driver.give(SwitchSeen(switch(TradingState.HALTED, "EXECUTION_HALTED is 1")))
    driver.propose(proposal(2))
    first, second = decided_again(driver.records, rules(), MULTIPLIERS)
    for again, said in ((first, "has not been read"), (second, "halts: EXECUTION_HALTED is 1")):
        (check,) = [each for each in again.asked.checks if each.code == "trading_state"]
        assert said in str(check.observed)
        assert is_alike(again.recorded, again.asked)


def test_tighter_limits_deny_what_was_approved_and_the_past_stays_as_it_was() -> None:
    found = played(busy(), with_account(open_orders_max=0))
    assert outcomes(found) == [
        *(("approved", "open_orders_account", "approved"),) * 5,
        ("group", "open_orders_account", "group"),
        ("order_quantity", "order_quantity", "order_quantity"),
        ("approved", "open_orders_account", "approved"),
        ("approved", "approved"),
        ("trading_state", "trading_state"),
    ]


def test_the_members_of_a_group_count_each_other() -> None:
    driver = trading()
    driver.give(GroupProposed(PAIR))
    found = played(driver, with_account(open_orders_max=1))
    assert outcomes(found) == [
        ("approved", "group", "approved"),
        ("approved", "open_orders_account", "approved"),
    ]
    # Nothing of what was tried is left behind.
    assert outcomes(played(driver, with_account(open_orders_max=2))) == [("approved",) * 2] * 2


def test_the_brokers_buying_power_goes_on_through_a_group() -> None:
    def with_units(units: int) -> Callable[[Rules], Rules]:
        def asked(own: Rules) -> Rules:
            symbol = own.limits.symbol | {
                ALFA: structs.replace(own.limits.symbol[ALFA], order_quantity_max=D(units))
            }
            return structs.replace(own, limits=structs.replace(own.limits, symbol=symbol))

        return asked

    narrow = with_units(5)(rules())
    driver = trading(limits=narrow.limits)
    driver.give(AccountStated(broker_statement(buying_power=D(1_500))), GroupProposed(PAIR))
    # What the first reserves, where it would be approved, is not there for the second.
    assert outcomes(played(driver, with_units(10), narrow)) == [
        ("order_quantity", "group", "order_quantity"),
        ("group", "buying_power", "group"),
    ]


def test_wider_limits_approve_what_was_denied() -> None:
    narrow = with_account(gross_exposure_max=D(500))(rules())
    driver = trading(limits=narrow.limits)
    driver.propose(proposal(1))
    found = played(driver, with_account(gross_exposure_max=D(50_000)), narrow)
    assert outcomes(found) == [("gross_exposure_account", "approved", "gross_exposure_account")]


def test_a_group_of_the_same_name_that_was_sent_later_is_another() -> None:
    driver = trading()
    driver.give(GroupProposed(PAIR))
    driver.now = Instant(driver.now + 1)
    later = tuple(structs.replace(each, id=proposal(number).id) for number, each in enumerate(PAIR, 20))
    driver.give(GroupProposed(later))
    found = played(driver, with_account(open_orders_max=2))
    assert [outcome(each.asked) for each in found] == [
        *("approved", "approved"),
        *("open_orders_account", "open_orders_account"),
    ]
    assert list(decided_otherwise(driver.records, rules(), MULTIPLIERS)) == []


def test_an_entry_that_waited_for_a_person_is_made_again_as_it_was_asked_about_and_as_it_left() -> None:
    manual = rules(
        grants=rules().grants | {AGENT: grant(ALFA, strategies=(STRATEGY,), approval=Approval.MANUAL)},
        approvals=ApprovalTerms(expiry_seconds=600, adverse_move_fraction=D("0.1"), persons_needed=1),
        authority=authority(
            people={PERSON: PersonRole.ADMIN}, requesters={AGENT: PersonName("who runs the agent")}
        ),
    )
    driver = trading(**structs.asdict(manual))
    (asked,) = driver.propose(proposal(1))
    assert isinstance(asked, ApprovalAsked)
    driver.propose(proposal(2))
    driver.give(StatementGiven(signed(Act.APPROVE_ORDER, about=asked.digest, nonce="yes")))
    found = list(decided_again(driver.records, manual, MULTIPLIERS))
    assert [outcome(each.asked) for each in found] == ["pending_approval", "pending_approval", "approved"]
    assert list(decided_otherwise(driver.records, manual, MULTIPLIERS)) == []

    assert outcomes(played(driver, with_account(open_orders_max=1), manual)) == [
        ("pending_approval", "pending_approval"),
        ("pending_approval", "open_orders_account", "pending_approval"),
        ("approved", "open_orders_account", "approved"),
    ]


def test_what_a_segment_says_of_what_is_configured_no_more_rules_nothing() -> None:
    driver = trading()
    driver.propose(proposal(1))
    first = driver.records[0]
    assert isinstance(first.event, SegmentOpened)
    gone = RulingValue("agent.gone.orders_per_minute_max", "1")
    said = structs.replace(first.event, rules=(*said_by(rules(), Ruling()), gone))
    records = [structs.replace(first, event=said), *driver.records[1:]]
    assert [outcome(each.asked) for each in decided_again(records, rules(), MULTIPLIERS)] == ["approved"]


def test_what_was_tightened_meanwhile_rules_from_then_on_and_over_a_restart() -> None:
    driver = trading()
    driver.propose(proposal(1))
    driver.give(TightenAsked("account.open_orders_max", "1", "ada", "it is late"))
    driver.propose(proposal(2))
    assert list(decided_otherwise(driver.records, rules(), MULTIPLIERS)) == []
    assert outcomes(played(driver, with_account(daily_orders_max=2))) == [
        ("approved",) * 2,
        ("open_orders_account",) * 2,
    ]


def test_what_a_segment_says_that_ruled_goes_before_what_is_configured_now() -> None:
    narrow = with_account(open_orders_max=1)(rules())
    driver = trading(limits=narrow.limits)
    driver.propose(proposal(1), proposal(2))
    first = driver.records[0]
    assert isinstance(first.event, SegmentOpened)
    said = structs.replace(first.event, rules=said_by(narrow, Ruling()))
    records = [structs.replace(first, event=said), *driver.records[1:]]
    for each, second in ((records, "open_orders_account"), (driver.records, "approved")):
        made = [outcome(again.asked) for again in decided_again(each, rules(), MULTIPLIERS)]
        assert made == ["approved", second]
