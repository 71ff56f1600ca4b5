"""An entry that needs a person: what is asked, what answers it, what voids it, and what it counts for."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.gateway.checks.catalog import CHECKS_FOR, RULES_FOR, Rule
from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven, ApprovalRefused
from agenttrader.model.authority import EVERYTHING, Act, Approval, Scope, ScopeKind
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import Check, TradingState, Verdict
from agenttrader.model.events import Decided, Event, SegmentSealed, Withheld
from agenttrader.model.orders import Changes, Leg, OrderState, OrderType, Role, Side
from agenttrader.model.records import Chain
from agenttrader.model.times import MINUTE, SECOND, Instant
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    CancelAsked,
    GroupProposed,
    HaltAsked,
    Input,
    LinkSeen,
    MarketSeen,
    Proposed,
    ReplaceAsked,
    StatementGiven,
    Stopping,
    SwitchSeen,
    TimeReached,
    WindowCloseAsked,
)
from agenttrader.runtime.recovery import book_statement
from agenttrader.runtime.state import State
from agenttrader.testing.approving import (
    ANN,
    BEN,
    EVE,
    TERMS,
    VIC,
    approved,
    asking,
    held,
    manual_rules,
    waits,
    word,
)
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    ALFA,
    BRAVO,
    CLOSE,
    MULTIPLIERS,
    OPEN,
    PERSON,
    STRATEGY,
    at,
    bar,
    closing_proposal,
    compared,
    grant,
    proposal,
    rules,
    signed,
    switch,
)
from agenttrader.testing.driver import Driver
from agenttrader.testing.state_dump import dump_state

S = OrderState
TWO = replace(TERMS, persons_needed=2)
HOUR = 60 * MINUTE


def folded(driver: Driver) -> State:
    state = State(MULTIPLIERS)
    for each in driver.records:
        state.apply(each)
    return state


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_an_entry_that_passes_all_else_waits_and_nothing_of_it_leaves() -> None:
    driver = asking()
    entry = proposal()
    step = driver.hear(Proposed(entry))
    (asked,) = [record.event for record in step.records]
    assert isinstance(asked, ApprovalAsked)
    assert step.sends == []
    assert (asked.shown.proposal, asked.shown.terms, asked.digest) == (entry, TERMS, asked.shown.digest)
    assert asked.shown.expires == at(1) + TERMS.expiry_seconds * SECOND
    assert asked.shown.decision.verdict is Verdict.PENDING_APPROVAL
    assert [check.code for check in asked.shown.decision.checks if not check.passed] == ["approval"]
    assert driver.order(entry.id).state is S.PENDING_APPROVAL
    assert dump_state(folded(driver)) == dump_state(driver.engine.state)


def test_with_a_persons_yes_it_is_decided_again_and_leaves() -> None:
    driver = asking()
    entry = held(driver)
    step = driver.hear(word(waits(driver, entry).asked.digest))
    given, decided = [record.event for record in step.records]
    assert isinstance(given, ApprovalGiven)
    assert isinstance(decided, Decided)
    assert (decided.decision.verdict, decided.instruction is not None) == (Verdict.APPROVED, True)
    (check,) = [each for each in decided.decision.checks if each.code == "approval"]
    assert (check.observed, check.permitted, check.passed) == ("approved by ann", "approved by 1", True)
    assert [send.event for send in step.sends] == [decided]
    assert driver.order(entry.id).state is S.SENDING
    assert driver.engine.state.approvals.waiting == {}
    assert dump_state(folded(driver)) == dump_state(driver.engine.state)
    driver.accept(entry.id)
    driver.fill(entry.id, "e", 10)
    assert driver.engine.state.book.position(ALFA) == 10


def test_two_persons_are_two_and_each_says_it_once() -> None:
    driver = asking(TWO)
    entry = held(driver)
    digest = waits(driver, entry).asked.digest
    assert driver.hear(word(digest)).sends == []
    again = driver.hear(word(digest, nonce="another")).refusal
    assert again == "ann has approved it already; another person has to"
    used = driver.hear(word(digest, BEN, nonce=f"approve_order-{ANN}-{digest}")).refusal
    assert used.startswith("the statement with nonce approve_order-ann")
    assert driver.order(entry.id).state is S.PENDING_APPROVAL
    step = driver.hear(word(digest, BEN))
    assert len(step.sends) == 1
    assert driver.hear(word(digest, BEN, nonce="late")).refusal.startswith("nothing waits that was shown so")


def test_a_yes_is_to_what_was_shown_and_to_nothing_else() -> None:
    driver = asking()
    one, other = held(driver), held(driver, 2)
    assert waits(driver, one).asked.digest != waits(driver, other).asked.digest
    shown = waits(driver, one).asked.shown
    for changed in (
        replace(shown, proposal=replace(shown.proposal, quantity=Decimal(11))),
        replace(shown, expires=Instant(shown.expires + 1)),
        replace(shown, terms=TWO),
        replace(shown, decision=replace(shown.decision, inputs=replace(shown.decision.inputs, equity=None))),
    ):
        assert driver.hear(word(changed.digest)).refusal.startswith("nothing waits that was shown so")
    assert driver.hear(word(waits(driver, one).asked.digest)).refusal == ""
    assert driver.order(other.id).state is S.PENDING_APPROVAL


@pytest.mark.parametrize(
    ("says", "refusal"),
    (
        ({"person": EVE}, "eve is the requester of trader, and nobody approves their own request"),
        ({"person": PERSON}, "ada has the role operator; this needs an approver or admin"),
        ({"person": VIC}, "vic has the role viewer; this needs an approver or admin"),
        ({"person": "eric"}, "eric has the role none; this needs an approver or admin"),
        ({"epoch": 2}, "the statement was made for epoch 2"),
        ({"reason": " "}, "the statement gives no reason"),
        ({"about": ""}, "a statement to approve_order is about nothing"),
        ({"end": at(0, 30)}, "expected start < end, a start not after"),
        ({"nonce": "nonce-open_window"}, "the statement with nonce nonce-open_window was used before"),
    ),
)
def test_a_yes_that_is_none_changes_nothing(says: dict[str, Any], refusal: str) -> None:
    driver = asking()
    entry = held(driver)
    step = driver.hear(word(waits(driver, entry).asked.digest, **says))
    assert (step.refusal[: len(refusal)], step.records, step.sends) == (refusal, [], [])
    assert waits(driver, entry).approved_by == ()


def test_where_no_requester_is_named_nobody_approves() -> None:
    driver = asking(authority=replace(manual_rules().authority, requesters={}))
    (refusal,) = approved(driver, held(driver), ANN)
    assert refusal.startswith("[agents.trader] names no requester")


def test_a_no_ends_it_whoever_said_yes_and_the_requester_may_say_it() -> None:
    driver = asking(TWO)
    entry = held(driver)
    digest = waits(driver, entry).asked.digest
    assert approved(driver, entry, ANN) == [""]
    step = driver.hear(word(digest, EVE, Act.DENY_ORDER))
    assert [type(record.event) for record in step.records] == [ApprovalRefused]
    assert driver.order(entry.id).state is S.WITHHELD
    assert driver.engine.state.book.orders.open_notional_total == 0
    assert driver.hear(word(digest, BEN)).refusal.startswith("nothing waits")
    assert dump_state(folded(driver)) == dump_state(driver.engine.state)


VOIDS: dict[str, tuple[Input, str]] = {
    "expiry": (TimeReached(at(6)), "its time was over at 2026-11-20T14:36:00Z"),
    "halt": (HaltAsked(EVERYTHING, TradingState.HALTED, "ada", "lunch"), "halted: everything was halted by"),
    "reduce_only": (
        HaltAsked(Scope(ScopeKind.AGENT, AGENT), TradingState.REDUCE_ONLY, "ada", "enough"),
        "reduce_only: agent trader was halted by ada: enough",
    ),
    "switch": (SwitchSeen(switch(TradingState.HALTED)), "halted: "),
    "link": (LinkSeen("broker", up=False, reason="gone"), "halted: the link broker is down: gone"),
    "break": (
        compared(Break(kind=BreakKind.POSITION, ours="0", theirs="5", sentence="they hold 5", symbol=ALFA)),
        "halted: break position: they hold 5",
    ),
    "adverse": (
        MarketSeen(bar(2, Decimal("102.01"))),
        "ALFA went from 100 to 102.01, against it by more than",
    ),
}


@pytest.mark.parametrize("cause", VOIDS)
def test_what_changes_voids_it_and_releases_what_it_reserved(cause: str) -> None:
    received, reason = VOIDS[cause]
    driver = asking(TWO)
    entry = held(driver)
    digest = waits(driver, entry).asked.digest
    assert approved(driver, entry, ANN) == [""]
    (withheld,) = of(driver.give(received), Withheld)
    assert withheld.reason.startswith(f"its approval is void: {reason}")
    assert driver.order(entry.id).state is S.WITHHELD
    book = driver.engine.state.book
    assert (book.orders.open_notional_total, book.orders.open_count_total) == (Decimal(0), 0)
    assert book.working(ALFA).buys == 0
    step = driver.hear(word(digest, BEN))
    assert (step.refusal[:13], step.sends) == ("nothing waits", [])
    assert dump_state(folded(driver)) == dump_state(driver.engine.state)


@pytest.mark.parametrize(
    ("side", "price", "state"),
    (
        (Side.BUY, "102", S.PENDING_APPROVAL),
        (Side.BUY, "102.01", S.WITHHELD),
        (Side.BUY, "90", S.PENDING_APPROVAL),
        (Side.SELL, "98", S.PENDING_APPROVAL),
        (Side.SELL, "97.99", S.WITHHELD),
        (Side.SELL, "110", S.PENDING_APPROVAL),
    ),
)
def test_the_move_is_against_the_order_and_the_fraction_itself_is_permitted(
    side: Side, price: str, state: OrderState
) -> None:
    driver = asking()
    plan = proposal().exit_plan
    assert plan is not None
    if side is Side.SELL:
        plan = replace(plan, stop=Decimal(105), target=Decimal(90))
    entry = held(driver, side=side, exit_plan=plan)
    driver.give(MarketSeen(bar(2, Decimal(price))))
    assert driver.order(entry.id).state is state


def test_a_price_that_nobody_knows_any_more_voids_it() -> None:
    driver = asking()
    entry = held(driver)
    driver.forget_prices()
    driver.hear(LinkSeen("broker", up=True, reason="still"))
    assert driver.order(entry.id).state is S.WITHHELD


def test_halts_of_others_void_nothing() -> None:
    driver = asking()
    entry = held(driver)
    driver.give(HaltAsked(Scope(ScopeKind.SYMBOL, BRAVO), TradingState.HALTED, "ada", "news"))
    assert driver.order(entry.id).state is S.PENDING_APPROVAL


@pytest.mark.parametrize(
    ("changes", "expires"),
    (
        ({"valid_until": at(3)}, at(3)),
        ({"valid_until": at(300)}, at(6)),
        ({}, at(6)),
    ),
)
def test_it_waits_no_longer_than_it_holds_itself(changes: dict[str, Any], expires: Instant) -> None:
    driver = asking()
    assert waits(driver, held(driver, **changes)).asked.shown.expires == expires


@pytest.mark.parametrize(("end", "expires"), ((at(60), at(60)), (Instant(CLOSE + HOUR), CLOSE)))
def test_it_waits_over_no_end_of_its_window_or_of_the_exchanges_hours(end: Instant, expires: Instant) -> None:
    driver = asking(replace(TERMS, expiry_seconds=10 * 60 * 60))
    lease = StatementGiven(signed(nonce="another", end=end))
    driver.give(WindowCloseAsked("ada", "another"), lease, SwitchSeen(switch(TradingState.ACTIVE)))
    assert waits(driver, held(driver)).asked.shown.expires == expires


def test_the_end_of_the_window_ends_it() -> None:
    driver = asking()
    entry = held(driver)
    (withheld,) = of(driver.give(WindowCloseAsked("ada", "done for today")), Withheld)
    assert (withheld.order_id, withheld.reason) == (entry.id, "ada: done for today")
    assert driver.engine.state.approvals.waiting == {}


def test_its_agent_cancels_it_at_once() -> None:
    driver = asking()
    entry = held(driver)
    step = driver.hear(CancelAsked(entry.id, AGENT, "changed my mind", AGENT))
    assert [type(record.event) for record in step.records] == [Withheld]
    assert (step.refusal, step.sends) == ("", [])
    assert driver.engine.state.approvals.waiting == {}


def test_a_start_voids_what_waited() -> None:
    driver = asking()
    entry = held(driver)
    digest = waits(driver, entry).asked.digest
    chain = Chain(driver.engine.chain.sequence, driver.engine.chain.head)
    again = Driver(Engine(manual_rules(), folded(driver), chain), driver.now)
    (withheld,) = of(again.start(epoch=2), Withheld)
    assert withheld.reason == "its approval is void: the gateway started again"
    assert again.order(entry.id).state is S.WITHHELD
    assert again.hear(word(digest, epoch=2)).refusal.startswith("nothing waits")


def test_other_limits_void_it() -> None:
    driver = asking()
    entry = held(driver)
    digest = waits(driver, entry).asked.digest
    driver.engine.rules = replace(driver.engine.rules, limits_digest="b1" * 32)
    step = driver.hear(word(digest))
    assert step.sends == []
    assert driver.order(entry.id).state is S.WITHHELD


@pytest.mark.parametrize(
    "tighter", ({"persons_needed": 2}, {"adverse_move_fraction": Decimal(0)}, {"expiry_seconds": 1})
)
def test_tighter_terms_void_it(tighter: dict[str, Any]) -> None:
    """They stand in no digest of limits: one person's yes let it leave after two were asked for."""
    driver = asking()
    entry = held(driver)
    digest = waits(driver, entry).asked.digest
    driver.engine.rules = replace(driver.engine.rules, approvals=replace(TERMS, **tighter))
    assert driver.hear(word(digest)).sends == []
    (withheld,) = of([each.event for each in driver.records], Withheld)
    assert "the terms of approvals are others than those that were shown" in withheld.reason


def test_an_approved_one_is_denied_by_what_is_so_by_then() -> None:
    """The persons' word is no check: the decision on present facts is the one that counts."""
    driver = asking()
    entry = held(driver, type=OrderType.LIMIT, limit_price=Decimal(100))
    driver.give(MarketSeen(bar(2, 70)), TimeReached(at(2)))
    step = driver.hear(word(waits(driver, entry).asked.digest))
    decided = step.records[-1].event
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "price_collar"
    assert step.sends == []
    order = driver.order(entry.id)
    assert (order.state, order.denied_by, order.awaited) == (S.DENIED, "price_collar", True)
    assert driver.engine.state.book.orders.open_notional_total == 0
    assert dump_state(folded(driver)) == dump_state(driver.engine.state)


def test_it_reserves_while_it_waits_so_that_two_never_fit_where_one_does() -> None:
    limits = rules().limits
    one = replace(limits, account=replace(limits.account, gross_exposure_max=Decimal(1_500)))
    driver = asking(limits=one)
    entry = held(driver)
    (decided,) = driver.propose(proposal(2, legs=(Leg(BRAVO),)))
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "gross_exposure_account"
    assert approved(driver, entry, ANN) == [""]
    assert driver.order(entry.id).state is S.SENDING


@pytest.mark.parametrize(
    "limit", ("orders_per_minute_max", "open_orders_max", "daily_orders_max", "repeats_max")
)
def test_decided_again_it_does_not_stand_in_its_own_way(limit: str) -> None:
    limits = rules().limits
    agents = {name: replace(each, **{limit: 1}) for name, each in limits.agent.items()}
    driver = asking(limits=replace(limits, agent=agents))
    entry = held(driver)
    assert approved(driver, entry, ANN) == [""]
    assert driver.order(entry.id).state is S.SENDING
    assert driver.engine.state.entries.count == {AGENT: 1}
    assert driver.engine.state.decided_last_minute(AGENT, at(1)) == (1, 1)


def test_decided_again_it_counts_at_the_price_of_then() -> None:
    driver = asking()
    entry = held(driver)
    driver.give(MarketSeen(bar(2, 101)), TimeReached(at(2)))
    assert approved(driver, entry, ANN) == [""]
    assert driver.engine.state.entries.risk_total == driver.order(entry.id).reserved == Decimal(1_010)


def test_what_a_person_lifted_meanwhile_is_no_trap_for_what_waits() -> None:
    """A resume forgives what agents repeated; an entry that waited is then taken back without it."""
    driver = asking()
    entry = held(driver)
    driver.engine.state.entries.resume(EVERYTHING)
    assert approved(driver, entry, ANN) == [""]
    assert driver.order(entry.id).state is S.SENDING


def test_groups_and_replacements_are_denied_and_nobody_is_asked() -> None:
    driver = asking()
    pair = tuple(
        proposal(number, legs=(Leg(name),), group="pair") for number, name in ((1, ALFA), (2, BRAVO))
    )
    events = driver.give(GroupProposed(pair))
    assert [event.decision.denied_by for event in of(events, Decided)] == ["approval", "approval"]
    entry = held(driver, 3, type=OrderType.LIMIT, limit_price=Decimal(99))
    changes = Changes(limit_price=Decimal(98))
    asked = ReplaceAsked(entry.id, proposal(4).id, changes, AGENT, "nearer")
    assert "waits for a person, who was shown it as it is" in driver.hear(asked).refusal
    approved(driver, entry, ANN)
    driver.accept(entry.id)
    (decided,) = driver.give(asked)
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "approval"


@pytest.mark.parametrize(
    ("price", "denied_by"), (("85", "approval"), ("94.99", "approval"), ("95.01", None), ("97", None))
)
def test_a_yes_holds_for_the_stop_that_was_shown(price: str, denied_by: str | None) -> None:
    driver = asking()
    entry = held(driver)
    approved(driver, entry, ANN)
    driver.accept(entry.id)
    driver.fill(entry.id, "e", 10)
    (stop,) = [leg for leg in driver.order(entry.id).protection if leg.role is Role.STOP]
    assert stop.stop_price == Decimal(95)
    changes = Changes(stop_price=Decimal(price))
    driver.give(ReplaceAsked(stop.id, proposal(2).id, changes, AGENT, "elsewhere"))
    assert driver.order(proposal(2).id).denied_by == denied_by


def test_an_exit_waits_for_nobody() -> None:
    driver = asking()
    entry = held(driver)
    approved(driver, entry, ANN)
    driver.accept(entry.id)
    driver.fill(entry.id, "e", 10)
    more = held(driver, 2)
    close = closing_proposal()
    events = driver.propose(close)
    assert of(events, Decided)[0].decision.verdict is Verdict.APPROVED
    assert driver.order(more.id).state is S.WITHHELD


def test_asked_again_it_is_the_same_one() -> None:
    driver = asking()
    entry = held(driver)
    step = driver.hear(Proposed(entry))
    assert (step.records, step.refusal) == ([], "")


def test_without_terms_it_is_denied() -> None:
    driver = asking(None)
    (decided,) = driver.propose(proposal())
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "approval"


def test_a_check_that_raises_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Check:
        raise KeyError("approval")

    for kind, bound in RULES_FOR.items():
        found = tuple(
            Rule(rule.code, broken, rule.binds) if rule.code == "approval" else rule for rule in bound
        )
        monkeypatch.setitem(RULES_FOR, kind, found)
        monkeypatch.setitem(CHECKS_FOR, kind, tuple(rule.check for rule in found))
    driver = asking()
    step = driver.hear(Proposed(proposal()))
    (decided,) = [record.event for record in step.records]
    assert isinstance(decided, Decided)
    assert (decided.decision.denied_by, step.sends) == ("approval", [])


def test_nobody_is_asked_about_what_is_denied_anyway() -> None:
    driver = asking()
    (decided,) = driver.propose(proposal(quantity=Decimal(5_000)))
    assert isinstance(decided, Decided)
    assert decided.decision.denied_by == "order_quantity"
    assert driver.engine.state.approvals.waiting == {}


def test_an_agent_that_needs_nobody_is_held_up_by_nothing() -> None:
    grants = {AGENT: grant(ALFA, BRAVO, strategies=(STRATEGY,), approval=Approval.AUTO)}
    driver = asking(grants=rules().grants | grants)
    assert len(driver.hear(Proposed(proposal())).sends) == 1


def test_nothing_follows_the_seal_and_the_next_start_ends_what_waited() -> None:
    driver = asking()
    entry = held(driver)
    driver.now = at(30)
    (sealed,) = driver.give(Stopping("told to"))
    assert isinstance(sealed, SegmentSealed)
    assert driver.order(entry.id).state is S.PENDING_APPROVAL


def test_no_broker_is_asked_about_what_waits() -> None:
    """It would be missing there, and a break."""
    driver = asking()
    held(driver)
    stated = book_statement(driver.engine.state.book, ACCOUNT, OPEN)
    assert (stated.working_orders, stated.unknown_orders) == ((), ())
