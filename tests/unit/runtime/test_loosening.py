"""What the file has looser rules only when persons have signed for exactly that, after a restart."""

from decimal import Decimal

import pytest
from msgspec import structs

from agenttrader.model.authority import SINGLE_PERSON, Act, PersonRole
from agenttrader.model.events import WindowSuspended
from agenttrader.model.identifiers import PersonName
from agenttrader.model.ruling import LimitsLoosened, LooseningSigned, RulingChange
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.inputs import StatementGiven, TimeReached
from agenttrader.runtime.rule_values import values_of, waiting
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.statements import Authority
from agenttrader.testing.builders import OPEN, PERSON, SWITCH, authority, rules, signed
from agenttrader.testing.driver import Driver
from agenttrader.testing.ruling_driver import begun, day, loosen, tighten, trading

BEN, CLEO = PersonName("ben"), PersonName("cleo")
CHANGE = RulingChange("account.open_orders_max", "1000", "2000")


def of_two(people: int = 2) -> Rules:
    """Limits as ever, and two persons who may sign for others."""
    two = authority(
        people={PERSON: PersonRole.APPROVER, BEN: PersonRole.ADMIN},
        keys={PERSON: "ada's", BEN: "ben's"},
        persons=people,
    )
    return structs.replace(rules(), authority=two)


def wider(people: int = 2, open_orders_max: int = 2_000) -> Rules:
    limits = rules().limits
    limits = structs.replace(limits, account=structs.replace(limits.account, open_orders_max=open_orders_max))
    return structs.replace(of_two(people), limits=limits, limits_digest=limits.digest)


def widened(people: int = 2) -> Driver:
    """A gateway that has started again with a wider file."""
    return day(begun(wider(people), begun(of_two(people))))


def open_orders_max(driver: Driver) -> int:
    return driver.engine.rules.limits.account.open_orders_max


def test_until_it_is_signed_for_what_ruled_goes_on_ruling() -> None:
    driver = widened()
    assert open_orders_max(driver) == 1_000
    assert waiting(driver.engine.configured, driver.engine.state.ruling) == (CHANGE,)
    assert open_orders_max(begun(wider(), driver)) == 1_000


def test_two_different_persons_let_it_rule() -> None:
    driver = widened()
    assert loosen(driver) == ""
    assert isinstance(driver.records[-1].event, LooseningSigned)
    assert open_orders_max(driver) == 1_000
    assert "ada has signed for this already; missing: 1 more" in loosen(driver)
    assert loosen(driver, person=BEN) == ""
    last = driver.records[-1].event
    assert isinstance(last, LimitsLoosened)
    assert last.changes == (CHANGE,)
    assert open_orders_max(driver) == 2_000
    assert driver.engine.rules.limits_digest == driver.engine.rules.limits.digest
    again = begun(wider(), driver)
    assert open_orders_max(again) == 2_000
    assert waiting(again.engine.configured, again.engine.state.ruling) == ()


def test_a_switch_that_is_wired_no_more_halts_until_two_persons_have_signed_for_that() -> None:
    made = of_two(2)
    less = structs.replace(made, wired_switches=("store",))
    driver = day(begun(less, begun(made)))
    assert f"the switch {SWITCH} has not been read" in driver.engine.standing().reasons
    assert SWITCH in driver.engine.rules.wired_switches
    assert (loosen(driver), loosen(driver, person=BEN)) == ("", "")
    assert f"the switch {SWITCH} has not been read" not in driver.engine.standing().reasons


def test_a_first_signature_holds_over_a_restart_for_the_same_loosening_alone() -> None:
    driver = widened()
    loosen(driver)
    again = day(begun(wider(), driver))
    assert loosen(again, person=BEN) == ""
    assert open_orders_max(again) == 2_000
    other = day(begun(wider(open_orders_max=3_000), driver))
    assert loosen(other, person=BEN) == ""
    assert open_orders_max(other) == 1_000


def test_a_single_person_waits_for_the_next_session_and_retypes_the_phrase() -> None:
    driver = widened(people=1)
    assert loosen(driver, confirmation=SINGLE_PERSON) == ""
    assert "in a session after 2026-11-20" in loosen(driver, confirmation=SINGLE_PERSON)
    assert open_orders_max(driver) == 1_000
    driver.give(TimeReached(Instant(OPEN + 3 * 24 * 60 * MINUTE)))
    assert driver.engine.state.day is not None
    assert driver.engine.state.day.session == "2026-11-23"
    assert "retypes SINGLE PERSON" in loosen(driver)
    assert loosen(driver, confirmation=SINGLE_PERSON) == ""
    assert open_orders_max(driver) == 2_000


def test_the_signature_of_who_was_taken_out_since_counts_no_more() -> None:
    def of(*names: PersonName, role: PersonRole = PersonRole.ADMIN) -> Authority:
        people = dict.fromkeys(names, PersonRole.ADMIN) | {PERSON: role}
        kept = {name: each for name, each in people.items() if name in names}
        return authority(people=kept, keys={name: f"{name}'s" for name in kept})

    three = of(PERSON, BEN, CLEO)
    first = day(
        begun(
            structs.replace(wider(), authority=three),
            begun(structs.replace(of_two(), authority=three)),
        )
    )
    assert loosen(first) == ""
    for since in (of(BEN, CLEO), of(PERSON, BEN, CLEO, role=PersonRole.OPERATOR)):
        driver = day(begun(structs.replace(wider(), authority=since), first))
        assert loosen(driver, person=BEN) == ""
        assert open_orders_max(driver) == 1_000
        assert loosen(driver, person=CLEO) == ""
        assert open_orders_max(driver) == 2_000


@pytest.mark.parametrize(
    ("says", "sentence"),
    (
        ({"about": "0" * 16}, "it has changed; look at it"),
        ({"about": ""}, "is about nothing"),
        ({"person": PersonName("eve")}, "eve has the role none"),
        ({"epoch": 1}, "made for epoch 1"),
        ({"reason": " "}, "gives no reason"),
        ({"end": OPEN}, "expected start < end"),
    ),
)
def test_a_signature_that_does_not_hold_changes_nothing(says: dict[str, object], sentence: str) -> None:
    driver = widened()
    records = len(driver.records)
    assert sentence in loosen(driver, **says)
    assert len(driver.records) == records


def test_it_is_used_once() -> None:
    driver = widened()
    loosen(driver, nonce="one")
    assert "was used before" in loosen(driver, nonce="one", person=BEN)


def test_nothing_is_loosened_before_a_day_or_while_a_window_lets_orders_in() -> None:
    early = begun(wider(), begun(of_two()))
    assert "no trading day has begun" in loosen(early)
    driver = widened()
    driver.give(StatementGiven(signed(Act.OPEN_WINDOW, epoch=2)))
    assert driver.engine.state.standing.window is not None
    assert "a window is open" in loosen(driver)
    driver.records.append(driver.engine.chain.seal(WindowSuspended(reason="a restart"), driver.now))
    driver.engine.state.apply(driver.records[-1])
    assert loosen(driver) == ""


def test_where_nothing_is_looser_nothing_waits() -> None:
    assert "nothing looser than what rules" in loosen(trading(of_two()), about="0" * 16)


def test_what_was_tightened_in_this_run_is_loosened_after_a_restart_alone() -> None:
    driver = day(begun(wider()))
    tighten(driver, "account.open_orders_max", "5")
    assert "nothing looser than what rules" in loosen(driver, about="0" * 16)
    again = day(begun(wider(), driver))
    assert open_orders_max(again) == 5
    tighten(again, "account.open_orders_max", "4")
    loosen(again)
    loosen(again, person=BEN)
    assert open_orders_max(again) == 4
    third = day(begun(wider(), again))
    assert (open_orders_max(third), values_of(third.engine.rules)["account.open_orders_max"]) == (4, "4")
    loosen(third)
    loosen(third, person=BEN)
    assert open_orders_max(third) == 2_000


def test_no_window_opens_where_a_check_that_ruled_is_gone() -> None:
    driver = widened()
    assert driver.engine.state.ruling.base is not None
    driver.engine.state.ruling.base["program.checks"] += ",gravity"
    refusal = driver.hear(StatementGiven(signed(Act.OPEN_WINDOW, epoch=2))).refusal
    assert "checks that ruled before are not in this program: gravity" in refusal
    assert loosen(driver) == ""
    assert loosen(driver, person=BEN) == ""
    assert driver.hear(StatementGiven(signed(Act.OPEN_WINDOW, epoch=2))).refusal == ""


def test_what_the_file_tightened_is_not_widened_by_the_old_file() -> None:
    """A file that is tighter rules at once, and to go back takes signatures."""
    driver = day(begun(wider(open_orders_max=500), begun(of_two())))
    assert open_orders_max(driver) == 500
    back = begun(wider(open_orders_max=1_000), driver)
    assert open_orders_max(back) == 500


def test_decimals_are_compared_as_numbers() -> None:
    limits = rules().limits
    same = structs.replace(
        limits, account=structs.replace(limits.account, gross_exposure_max=Decimal("10000000.00"))
    )
    driver = begun(structs.replace(rules(), limits=same, limits_digest=same.digest), begun())
    assert waiting(driver.engine.configured, driver.engine.state.ruling) == ()


def test_a_person_who_is_new_or_has_another_key_or_a_higher_role_counts_only_when_let_in() -> None:
    """Whoever writes the file could else write in who signs for it."""
    eve, mine = PersonName("eve"), {PERSON: "ada's", BEN: "ben's"}
    keys = {**mine, PERSON: "eve's own", eve: "eve's"}
    people = {PERSON: PersonRole.APPROVER, BEN: PersonRole.ADMIN, eve: PersonRole.ADMIN}
    forged = structs.replace(wider(), authority=authority(people=people, keys=keys))
    driver = day(begun(forged, begun(of_two())))
    assert driver.engine.rules.authority.people == {BEN: PersonRole.ADMIN}
    for name in (PERSON, eve):
        assert f"{name} has the role none" in loosen(driver, person=name)
        opening = driver.hear(StatementGiven(signed(Act.OPEN_WINDOW, epoch=2, person=name)))
        assert f"{name} has the role none" in opening.refusal
    assert loosen(driver, person=BEN) == ""
    assert "missing: 1 more" in loosen(driver, person=BEN)
    raised = structs.replace(of_two(), authority=authority(people={PERSON: PersonRole.ADMIN}, keys=mine))
    low = begun(raised, begun(of_two())).engine.rules.authority
    assert low.people == {PERSON: PersonRole.APPROVER}


def test_that_one_person_is_enough_is_signed_for_by_two() -> None:
    driver = day(begun(wider(people=1), begun(of_two())))
    assert driver.engine.rules.authority.persons == 2
    assert loosen(driver, confirmation=SINGLE_PERSON) == ""
    driver.give(TimeReached(Instant(OPEN + 3 * 24 * 60 * MINUTE)))
    assert "missing: 1 more" in loosen(driver, confirmation=SINGLE_PERSON)
    assert loosen(driver, person=BEN) == ""
    assert driver.engine.rules.authority.persons == 1


def test_somebody_new_is_let_in_by_those_who_were_there() -> None:
    eve = PersonName("eve")
    people = {PERSON: PersonRole.APPROVER, BEN: PersonRole.ADMIN, eve: PersonRole.VIEWER}
    keys = {PERSON: "ada's", BEN: "ben's", eve: "eve's"}
    driver = day(
        begun(structs.replace(rules(), authority=authority(people=people, keys=keys)), begun(of_two()))
    )
    assert (loosen(driver), loosen(driver, person=BEN)) == ("", "")
    assert driver.engine.rules.authority.people == people


def test_an_operator_signs_for_no_loosening() -> None:
    made = authority(people={PERSON: PersonRole.OPERATOR})
    before = structs.replace(rules(), authority=made)
    driver = day(begun(structs.replace(wider(), authority=made), begun(before)))
    assert loosen(driver) == "ada has the role operator; this needs an approver or admin"
