"""The same day in PAPER and, against a double, in LIVE: every decision and every trip is the same."""

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache

import msgspec
import pytest
from msgspec import structs

from agenttrader.model.authority import Mode
from agenttrader.model.decisions import Check
from agenttrader.model.events import Decided, Event, Halted, Warned, WindowOpened
from agenttrader.model.identifiers import Digest, digest_of
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.reports import ReportKind
from agenttrader.runtime.breakers import LATENCY, LOSSES, PREFIX, REJECTIONS
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import StatementGiven, TimeReached
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State
from agenttrader.testing.builders import MULTIPLIERS, at, proposal, rules, signed
from agenttrader.testing.careless_day import play_for_records
from agenttrader.testing.driver import READY, Driver
from agenttrader.testing.unsafe_live import UnsafeLiveEngine, unsafe_live

D = Decimal
Ruling = Callable[[Rules], Rules]
SEEDS = (9, 11, 17, 67)
"""Days on which much trips."""
MINUTES_MAX = 80


def near(own: Rules, **changes: object) -> Rules:
    """Breakers that a careless day meets."""
    limits = {
        "soft_fraction": D("0.0002"),
        "medium_fraction": D("0.002"),
        "hard_fraction": D("0.01"),
        "day_loss_max": D(60),
        "loss_streak_max": 1,
        "rejects_max": 1,
        "reject_minutes": 60,
        "broker_latency_seconds_max": 30,
        "broker_latency_answers": 1,
    }
    return structs.replace(own, breakers=structs.replace(own.breakers, **(limits | changes)))


@cache
def paper(seed: int) -> list[Sealed[Event]]:
    return play_for_records(seed, MINUTES_MAX, near, Engine)


def live(seed: int, ruling: Ruling = near) -> list[Sealed[Event]]:
    return play_for_records(seed, MINUTES_MAX, lambda own: unsafe_live(ruling(own)), UnsafeLiveEngine)


def trips(records: Sequence[Sealed[Event]]) -> list[tuple[int, str, str]]:
    """Which breaker tripped at which record, and why."""
    return [
        (sealed.sequence, sealed.event.by, sealed.event.reason)
        for sealed in records
        if isinstance(sealed.event, Halted | Warned) and sealed.event.by.startswith(PREFIX)
    ]


def decisions(records: Sequence[Sealed[Event]], mode: Mode) -> list[tuple[int, Digest]]:
    """Every decision by the digest of what was proposed and decided, but for the word of the mode."""
    told = []
    for sealed in records:
        if isinstance(sealed.event, Decided):
            decision = sealed.event.decision
            checks = [without_mode(check, mode) for check in decision.checks]
            body = (sealed.event.proposal, structs.replace(decision, checks=tuple(checks)))
            told.append((sealed.sequence, digest_of(msgspec.json.encode(body))))
    return told


def without_mode(check: Check, mode: Mode) -> Check:
    if check.code != "mode" or check.observed is None:
        return check
    assert check.permitted == mode.value
    return structs.replace(check, observed=check.observed.replace(mode.value, ""), permitted="")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_day_trips_at_the_same_order_and_decides_alike_in_both_modes(seed: int) -> None:
    ours, theirs = paper(seed), live(seed)
    assert [sealed.kind for sealed in ours] == [sealed.kind for sealed in theirs]
    assert trips(ours) == trips(theirs)
    assert decisions(ours, Mode.PAPER) == decisions(theirs, Mode.LIVE)
    for records, mode in ((ours, Mode.PAPER), (theirs, Mode.LIVE)):
        opened = [each.event for each in records if isinstance(each.event, WindowOpened)]
        assert {each.signed.statement.mode for each in opened} == {mode}


def test_the_days_trip_enough_to_show_it() -> None:
    found = Counter(by for seed in SEEDS for _, by, _ in trips(paper(seed)))
    assert {f"{PREFIX}drawdown", f"{PREFIX}daily_loss", LOSSES, LATENCY} <= found.keys()
    approved = [
        each.event
        for seed in SEEDS
        for each in paper(seed)
        if isinstance(each.event, Decided) and each.event.decision.denied_by is None
    ]
    assert len(approved) > 20


def test_a_breaker_that_were_another_in_one_mode_would_be_seen() -> None:
    assert any(
        trips(paper(seed)) != trips(live(seed, lambda own: near(own, loss_streak_max=50))) for seed in SEEDS
    )


def rejected(mode: Mode, engine: type[Engine], ruling: Ruling) -> list[Sealed[Event]]:
    """The broker rejects two orders; a third is proposed, and one of another agent."""
    driver = Driver(engine(ruling(near(rules())), State(MULTIPLIERS), Chain()))
    driver.start()
    for received in READY:
        is_lease = isinstance(received, StatementGiven)
        driver.give(StatementGiven(signed(mode=mode)) if is_lease else received)
    for number in (1, 2):
        driver.propose(proposal(number))
        driver.report(ReportKind.REJECTED, proposal(number).id)
    driver.give(TimeReached(at(2)))
    driver.propose(proposal(3))
    return driver.records


def test_what_the_broker_rejects_trips_at_the_same_order_in_both_modes() -> None:
    ours = rejected(Mode.PAPER, Engine, lambda own: own)
    theirs = rejected(Mode.LIVE, UnsafeLiveEngine, unsafe_live)
    assert [by for _, by, _ in trips(ours)] == [REJECTIONS]
    assert trips(ours) == trips(theirs)
    assert decisions(ours, Mode.PAPER) == decisions(theirs, Mode.LIVE)
    assert [each.event.decision.denied_by for each in ours if isinstance(each.event, Decided)] == [
        *(None, None),
        "trading_state",
    ]


def test_the_product_itself_leases_no_live_window() -> None:
    driver = Driver(Engine(unsafe_live(rules()), State(MULTIPLIERS), Chain()))
    driver.start()
    driver.give(*READY[:5])
    refusal = driver.hear(StatementGiven(signed(mode=Mode.LIVE))).refusal
    assert "needs evidence that this version cannot judge" in refusal
    assert driver.engine.state.standing.window is None
