"""The use cases of a gateway: what clients and persons ask for, what they are told, and every refusal."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.app.gateway.desk import fit
from agenttrader.app.gateway.status import ReconcileBody
from agenttrader.model.authority import EVERYTHING, Act, Mode, Scope, ScopeKind
from agenttrader.model.breaks import BreakKind, DoubtKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue, NotReady, StatementRefused, StoreError, Unreachable
from agenttrader.model.events import (
    BreakFound,
    BreakSettled,
    Halted,
    Reconciled,
    Resumed,
    WindowClosed,
    WindowOpened,
)
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.instruments import Component, Spread
from agenttrader.model.market import Watermark
from agenttrader.model.orders import Changes, ExitPlan, Leg, OrderState, OrderType, Proposal, Role
from agenttrader.model.times import rfc3339
from agenttrader.portfolio.orders import protective_id
from agenttrader.protocols.native import encode, to_body
from agenttrader.protocols.native_doubts import DoubtBody, DoubtsBody
from agenttrader.runtime.inputs import Proposed, WindowCloseAsked
from agenttrader.runtime.rule_values import values_of
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    ALFA,
    BRAVO,
    CONFIGURATION,
    EXITS,
    OTHER_AGENT,
    at,
    authority,
    broker_statement,
    closing_proposal,
    instruments,
    proposal,
    signed,
)
from agenttrader.testing.driver import READY
from agenttrader.testing.small_gateway import SmallGateway

D = Decimal
ACTIVE, REDUCE_ONLY, HALTED, FROZEN = TradingState


@pytest.fixture
async def gateway() -> AsyncIterator[SmallGateway]:
    made = SmallGateway(answer_wait_seconds=1.0)
    await made.trade()
    yield made
    await made.stop()


@pytest.fixture
async def resting() -> AsyncIterator[SmallGateway]:
    """A gateway that has compared and is linked, at rest, its switch at 1."""
    made = SmallGateway()
    await made.start()
    for received in READY[:4]:
        await made.session.ask(received)
    yield made
    await made.stop()


def body(number: int = 1, **changes: Any) -> bytes:
    return encode(to_body(proposal(number, **changes)))


def as_proposed(name: str) -> bytes:
    """The body of the proposal, called `name`."""
    return json.dumps(json.loads(body()) | {"proposal_id": name}).encode()


# Proposing.


async def test_a_proposal_is_answered_with_the_brokers_first_word(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    answer = await gateway.desk.propose(body(), AGENT)
    assert (answer.state, answer.order.state, answer.decision.code) == ("accepted", "accepted", "approved")
    assert answer.order.id == proposal().id


async def test_a_denial_is_answered_at_once_in_code_and_words(gateway: SmallGateway) -> None:
    async with asyncio.timeout(0.5):
        answer = await gateway.desk.propose(body(quantity=D(5_000)), AGENT)
    assert (answer.state, answer.decision.code) == ("denied", "order_quantity")
    assert answer.decision.sentence == answer.order.sentence != ""
    assert gateway.broker.sent == []


async def test_a_broker_that_is_silent_is_waited_for_no_longer_than_configured() -> None:
    gateway = SmallGateway(answer_wait_seconds=0.02)
    await gateway.trade()
    assert (await gateway.desk.propose(body(), AGENT)).state == "sending"
    await gateway.stop()


async def test_the_same_body_again_is_the_same_order_and_leaves_once(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    first = await gateway.desk.propose(body(), AGENT)
    again = await gateway.desk.propose(body(), AGENT)
    assert again == first
    assert len(gateway.broker.sent) == 1


async def test_an_id_that_is_used_is_refused(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    await gateway.desk.propose(body(), AGENT)
    with pytest.raises(BadValue, match="was used for another order; send a new id"):
        await gateway.desk.propose(body(quantity=D(11)), AGENT)
    leg = protective_id(proposal().id, Role.STOP)
    with pytest.raises(BadValue, match="expected a UUID"):
        await gateway.desk.propose(as_proposed(leg), AGENT)


async def test_an_order_in_the_place_of_another_is_answered_when_the_broker_has(
    gateway: SmallGateway,
) -> None:
    gateway.broker.on_submit = gateway.accept
    entry = proposal(type=OrderType.LIMIT, limit_price=D(100))
    await gateway.desk.decide(entry)
    name, new = entry.client_order_id or "", OrderId("in its place")
    changes = Changes(limit_price=D("99.000000001"))
    order = await gateway.desk.replace(name, changes, AGENT, replacement=new, reason="nearer")
    assert (order.id, order.state, order.limit_price) == (new, OrderState.ACCEPTED, D(99))
    again = await gateway.desk.replace(name, changes, AGENT, replacement=new, reason="nearer")
    assert (again, len(gateway.broker.sent)) == (order, 2)
    assert order.replaces is gateway.order(entry.id)


async def test_what_cannot_be_replaced_is_refused_in_a_sentence(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    await gateway.desk.decide(proposal())
    new = OrderId("in its place")
    for name, changes, sentence in (
        ("nobody's", Changes(limit_price=D(99)), "no order nobody's of yours is known"),
        (proposal().id, Changes(limit_price=D(99)), "a market order has none"),
        (proposal().id, Changes(quantity=D("10.5")), "quantity: expected a multiple"),
    ):
        with pytest.raises(BadValue, match=sentence):
            await gateway.desk.replace(name, changes, AGENT, replacement=new, reason="nearer")


def group(*members: Proposal) -> bytes:
    bodies = [json.loads(encode(to_body(each))) for each in members]
    return json.dumps({"group": "a pair", "proposals": bodies}).encode()


async def test_a_group_is_answered_for_each_and_sent_again_is_the_same(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    asked = group(proposal(1), proposal(2, legs=(Leg(BRAVO),)))
    first = await gateway.desk.propose_group(asked, AGENT)
    assert (first.group, first.approved) == ("a pair", True)
    assert [each.state for each in first.proposals] == ["accepted", "accepted"]
    assert await gateway.desk.propose_group(asked, AGENT) == first
    assert len(gateway.broker.sent) == 2


async def test_a_group_that_is_denied_says_of_each_why(gateway: SmallGateway) -> None:
    asked = group(proposal(1), proposal(2, legs=(Leg(BRAVO),), quantity=D(100_000)))
    found = await gateway.desk.propose_group(asked, AGENT)
    assert not found.approved
    assert [each.decision.code for each in found.proposals] == ["group", "order_quantity"]
    assert "BRAVO denied by order_quantity" in found.proposals[0].decision.sentence
    assert gateway.broker.sent == []
    # Alone, under an id of its own, it may go.
    gateway.broker.on_submit = gateway.accept
    assert (await gateway.desk.propose(body(3), AGENT)).state == "accepted"


async def test_a_group_of_which_one_cannot_be_is_refused_whole(gateway: SmallGateway) -> None:
    before = gateway.session.engine.chain.sequence
    for asked, found in (
        (group(proposal(1), proposal(1)), "an id of its own"),
        (group(proposal(1), proposal(2, quantity=D("0.0000001"))), "quantity: "),
        (group(proposal(1), closing_proposal(2)), "entries alone"),
    ):
        with pytest.raises(BadValue, match=found):
            await gateway.desk.propose_group(asked, AGENT)
    with pytest.raises(BadValue, match="expected none in a proposal by itself"):
        await gateway.desk.propose(body(group="a pair"), AGENT)
    assert gateway.session.engine.chain.sequence == before


async def test_two_agents_that_call_their_orders_the_same_have_two_orders(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    ours = await gateway.desk.propose(body(), AGENT)
    theirs = await gateway.desk.propose(body(), OTHER_AGENT)
    assert (ours.order.agent, theirs.order.agent) == (AGENT, OTHER_AGENT)
    assert ours.order.proposal_id == theirs.order.proposal_id == proposal().client_order_id
    assert ours.order.id != theirs.order.id


async def test_no_agent_takes_the_id_that_anothers_order_has_or_will_have(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    planted = await gateway.desk.propose(as_proposed(proposal().id), OTHER_AGENT)
    assert planted.order.proposal_id == proposal().id != planted.order.id
    ours = await gateway.desk.propose(body(), AGENT)
    assert (ours.order.id, ours.order.agent, ours.state) == (proposal().id, AGENT, "accepted")


async def test_the_agent_is_the_keys_owner(gateway: SmallGateway) -> None:
    answer = await gateway.desk.propose(body(agent=AGENT), OTHER_AGENT)
    assert (answer.order.agent, answer.decision.code) == (OTHER_AGENT, "strategy")


async def test_a_body_that_cannot_be_is_refused_and_not_recorded(gateway: SmallGateway) -> None:
    before = len(gateway.events())
    with pytest.raises(BadValue, match="proposal: "):
        await gateway.desk.propose(b"{}", AGENT)
    with pytest.raises(BadValue, match="limit_price: expected a multiple of"):
        await gateway.desk.propose(body(type=OrderType.LIMIT, limit_price=D("100.005")), AGENT)
    assert len(gateway.events()) == before


async def test_before_the_market_is_heard_a_client_is_told_to_come_back() -> None:
    gateway = SmallGateway()
    with pytest.raises(NotReady):
        await gateway.desk.propose(body(), AGENT)
    await gateway.stop()


# Numbers at the edges.


def test_numbers_within_noise_are_put_on_tick_and_lot() -> None:
    noisy = proposal(
        quantity=D("10.000000001"),
        type=OrderType.LIMIT,
        limit_price=D("100.099999999"),
        exit_plan=ExitPlan(stop=D("95.000000001"), target=D("110"), trail=D("1.999999999"), until=at(9)),
    )
    fitted = fit(noisy, instruments())
    assert str(fitted.quantity) == "10"
    assert str(fitted.limit_price) == "100.10"
    assert fitted.exit_plan == ExitPlan(stop=D(95), target=D(110), trail=D(2), until=at(9))


@pytest.mark.parametrize(
    ("changes", "found"),
    (
        ({"quantity": D("10.5")}, "quantity: expected a multiple of 1, found 10.5; the nearest is 10"),
        (
            {"type": OrderType.STOP, "stop_price": D("100.001")},
            "stop_price: expected a multiple of 0.01, found 100.001; the nearest is 100.00",
        ),
        ({"exit_plan": ExitPlan(stop=D("95.001"))}, "exit_plan.stop: expected a multiple of 0.01"),
        ({"exit_plan": ExitPlan(target=D("95.001"))}, "exit_plan.target: expected a multiple of 0.01"),
        ({"exit_plan": ExitPlan(trail=D("0.001"))}, "exit_plan.trail: expected a multiple of 0.01"),
    ),
)
def test_numbers_beyond_noise_are_refused_by_name(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(BadValue, match=found.replace(".", r"\.")):
        fit(proposal(**changes), instruments())


def test_what_has_no_tick_of_its_own_is_left_to_the_decision() -> None:
    unknown = proposal(legs=(Leg(Symbol("ZULU")),), quantity=D("10.5"))
    spread = Spread(
        symbol=Symbol("PAIR"), tick=D(1), legs=(Component(ALFA, 1), Component(Symbol("BRAVO"), -1))
    )
    of_spread = proposal(legs=(Leg(Symbol("PAIR")),), quantity=D("10.5"))
    for each in (unknown, of_spread):
        assert fit(each, {**instruments(), Symbol("PAIR"): spread}) is each
    assert fit(proposal(exit_plan=None), instruments()).exit_plan is None


# Canceling.


async def test_a_cancel_is_asked_for_or_refused_with_its_reason(gateway: SmallGateway) -> None:
    gateway.broker.on_submit = gateway.accept
    await gateway.desk.propose(body(), AGENT)
    with pytest.raises(BadValue, match=r"no order .* of yours is known"):
        await gateway.desk.cancel(proposal().id, OTHER_AGENT, "bot", "mine")
    await gateway.desk.cancel(proposal().id, AGENT, AGENT, "asked for")
    assert gateway.broker.canceled == [proposal().id]
    assert gateway.order(proposal().id).state is OrderState.CANCEL_REQUESTED
    with pytest.raises(BadValue, match="no order nobody's of yours is known"):
        await gateway.desk.cancel(OrderId("nobody's"), None, "ada", "why")


async def test_an_agent_may_cancel_by_what_it_called_the_order_and_nobody_else_may(
    gateway: SmallGateway,
) -> None:
    gateway.broker.on_submit = gateway.accept
    name = proposal().client_order_id
    assert name is not None
    await gateway.desk.propose(body(), AGENT)
    for agent in (OTHER_AGENT, None):
        with pytest.raises(BadValue, match=f"no order {name} of yours is known"):
            await gateway.desk.cancel(name, agent, "bot", "why")
    await gateway.desk.propose(as_proposed(proposal().id), OTHER_AGENT)
    assert await gateway.desk.cancel(name, AGENT, AGENT, "asked for") == proposal().id
    assert gateway.broker.canceled == [proposal().id]


# Statements and switches.


async def test_opening_a_window_moves_the_switches_and_lets_trade(resting: SmallGateway) -> None:
    resting.envelopes["signed"] = signed()
    trading = await resting.desk.give("signed", Act.OPEN_WINDOW)
    assert (trading.state, trading.mode) == ("active", "paper")
    assert resting.switch.state is ACTIVE
    assert any(isinstance(event, WindowOpened) for event in resting.events())


async def test_an_envelope_that_does_not_verify_is_refused(resting: SmallGateway) -> None:
    with pytest.raises(StatementRefused, match="the signature does not cover it"):
        await resting.desk.give("forged", Act.OPEN_WINDOW)
    assert resting.switch.state is HALTED


async def test_a_statement_serves_its_own_act_alone(resting: SmallGateway) -> None:
    resting.envelopes["signed"] = signed(Act.RESUME)
    with pytest.raises(StatementRefused, match="expected a statement to open_window, found one to resume"):
        await resting.desk.give("signed", Act.OPEN_WINDOW)


async def test_a_statement_that_does_not_hold_moves_no_switch(resting: SmallGateway) -> None:
    resting.envelopes["signed"] = signed(mode=Mode.LIVE)
    with pytest.raises(StatementRefused, match="mode live is above the configured ceiling paper"):
        await resting.desk.give("signed", Act.OPEN_WINDOW)
    assert resting.switch.state is HALTED


async def test_a_switch_that_is_stuck_keeps_trading_halted(resting: SmallGateway) -> None:
    resting.envelopes["signed"] = signed()
    resting.switch.is_stuck = True
    with pytest.raises(StoreError, match="the switch is stuck"):
        await resting.desk.give("signed", Act.OPEN_WINDOW)
    assert resting.desk.status().trading.state == "halted"


async def test_lifting_a_latch_moves_no_switch(gateway: SmallGateway) -> None:
    await gateway.desk.halt(EVERYTHING, HALTED, "ada", "lunch")
    gateway.envelopes["signed"] = signed(Act.RESUME)
    gateway.switch.is_stuck = True
    assert (await gateway.desk.give("signed", Act.RESUME)).state == "active"
    assert any(isinstance(event, Resumed) for event in gateway.events())


async def test_closing_ends_the_window_and_puts_the_switches_back(gateway: SmallGateway) -> None:
    trading = await gateway.desk.close_window("ada", "enough")
    assert (trading.state, gateway.switch.state) == ("halted", HALTED)
    assert WindowClosed(by="ada", reason="enough") in gateway.events()
    assert not any(isinstance(event, Halted) for event in gateway.events())
    with pytest.raises(BadValue, match="no window is open"):
        await gateway.desk.close_window("ada", "enough")


async def test_closing_fails_loudly_where_a_switch_does_not_go_back(gateway: SmallGateway) -> None:
    gateway.switch.is_stuck = True
    with pytest.raises(StoreError, match="the switch is stuck"):
        await gateway.desk.close_window("ada", "enough")
    assert gateway.desk.status().trading.window_end is None


async def test_a_halt_is_latched_and_on_record(gateway: SmallGateway) -> None:
    scope = Scope(ScopeKind.SYMBOL, ALFA)
    assert (await gateway.desk.halt(scope, FROZEN, "ada", "news")).state == "active"
    assert Halted(scope=scope, state=FROZEN, by="ada", reason="news") in gateway.events()
    assert (await gateway.desk.halt(EVERYTHING, HALTED, "ada", "fire")).state == "halted"


@pytest.mark.parametrize(
    ("scope", "state"),
    (
        (EVERYTHING, ACTIVE),
        (Scope(ScopeKind.EVERYTHING, "ALFA"), HALTED),
        (Scope(ScopeKind.SYMBOL, ""), HALTED),
    ),
)
async def test_a_halt_that_halts_nothing_is_refused(
    gateway: SmallGateway, scope: Scope, state: TradingState
) -> None:
    with pytest.raises(BadValue, match="halt: expected a state short of active and a scope with its name"):
        await gateway.desk.halt(scope, state, "ada", "why")


# What the exits unit doubts.


def doubts(*symbols: str) -> bytes:
    told = (DoubtBody(symbol=each, about=DoubtKind.SPLIT, sentence="perhaps a split") for each in symbols)
    return encode(DoubtsBody(doubts=tuple(told)))


async def test_a_doubt_is_a_break_of_its_symbol_until_it_is_told_no_more(gateway: SmallGateway) -> None:
    desk = gateway.desk
    assert [desk.may_doubt(each) for each in (EXITS, AGENT)] == [True, False]
    trading = await desk.doubt(doubts(ALFA), EXITS)
    assert await desk.doubt(doubts(ALFA), EXITS) == trading
    assert trading.reasons == ("only symbol ALFA is halted by break doubt: perhaps a split",)
    assert desk.status().trading == desk.snapshot(None).trading == trading
    found = [event.found for event in gateway.events() if isinstance(event, BreakFound)]
    assert [(each.kind, each.ours) for each in found] == [(BreakKind.DOUBT, "split")]
    assert (await desk.doubt(doubts(), EXITS)).reasons == ()
    assert isinstance(gateway.events()[-1], BreakSettled)


async def test_a_doubt_without_a_symbol_halts_everything(gateway: SmallGateway) -> None:
    trading = await gateway.desk.doubt(doubts(""), EXITS)
    assert (trading.state, trading.reasons) == ("halted", ("break doubt: perhaps a split",))
    assert (await gateway.desk.doubt(doubts(), EXITS)).state == "active"


async def test_a_doubt_of_what_is_no_instrument_is_refused_with_all_others(gateway: SmallGateway) -> None:
    before = len(gateway.events())
    with pytest.raises(BadValue, match="expected a configured instrument, found 'NONE'"):
        await gateway.desk.doubt(doubts(ALFA, "NONE"), EXITS)
    assert len(gateway.events()) == before


# Switches that are read.


async def test_a_switch_that_somebody_moves_is_heard_and_latches(gateway: SmallGateway) -> None:
    gateway.switch.state = HALTED
    await gateway.desk.read_switches()
    await gateway.settle()
    assert gateway.desk.status().trading.state == "halted"
    (latch,) = [event for event in gateway.events() if isinstance(event, Halted)]
    assert latch.by == "switch file"


async def test_a_switch_that_says_the_same_is_not_told_again(gateway: SmallGateway) -> None:
    await gateway.desk.read_switches()
    assert gateway.session._queue.empty()


async def test_a_full_inbox_leaves_a_reading_to_the_next_time() -> None:
    gateway = SmallGateway(capacity=1)
    gateway.session.tell(WindowCloseAsked("ada", "first in"))
    await gateway.desk.read_switches()
    assert gateway.session._queue.qsize() == 1
    await gateway.stop()


# Looking.


async def test_comparing_is_recorded_and_told(gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agenttrader.runtime.recovery.LOOK_AGAIN_SECONDS", 0.001)
    clean = await gateway.desk.reconcile()
    assert (clean.breaks, clean.failure) == ((), "")
    gateway.broker.statements = [broker_statement(cash=D(5))]
    broken = await gateway.desk.reconcile()
    assert [found.kind for found in broken.breaks] == [BreakKind.CASH]
    gateway.broker.statements = [Unreachable("no answer")]
    failed = await gateway.desk.reconcile()
    assert failed == ReconcileBody(run=failed.run, breaks=(), failure="no answer")
    recorded = [event.run for event in gateway.events() if isinstance(event, Reconciled)]
    assert recorded[-3:] == [clean.run, broken.run, failed.run]


async def test_the_status_says_what_a_person_must_sign_for(gateway: SmallGateway) -> None:
    status = gateway.desk.status()
    assert (status.account, status.epoch, status.configuration) == (ACCOUNT, 1, CONFIGURATION)
    assert (status.mode_ceiling, status.session) == (Mode.PAPER, "2026-11-20")
    assert status.watermark == gateway.stream.watermark
    assert (status.records, status.failure) == (len(gateway.events()), "")
    assert status.trading.state == "active"
    assert (status.single_person, status.looser) == (False, 0)
    assert msgspec.json.encode(status)


async def test_the_status_of_a_gateway_that_cannot_write_is_halted(
    gateway: SmallGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(gateway.journal, "append", refuse)
    with pytest.raises(StoreError):
        await gateway.session.ask(Proposed(proposal()))
    status = gateway.desk.status()
    assert (status.failure, status.trading.state, status.trading.mode) == (
        "the disk is full",
        "halted",
        "off",
    )
    assert "the journal cannot be written: the disk is full" in status.trading.reasons[0]


async def test_the_status_says_so_while_the_market_tells_again_what_is_on_record(
    gateway: SmallGateway,
) -> None:
    assert gateway.desk.status().catching_up_to is None
    gateway.session.engine.state.last_time = at(30)
    status = gateway.desk.status()
    assert (status.catching_up_to, status.now == status.catching_up_to) == (rfc3339(at(30)), False)
    gateway.session.market(Watermark(time=at(30)))
    await gateway.settle()
    assert gateway.desk.status().catching_up_to is None


async def test_the_status_says_single_person_and_how_much_waits_for_signatures(gateway: SmallGateway) -> None:
    engine = gateway.session.engine
    engine.rules = msgspec.structs.replace(engine.rules, authority=authority(persons=1))
    tight = {**values_of(engine.rules), "account.open_orders_max": "3", "account.daily_orders_max": "3"}
    engine.state.ruling.base = tight
    status = gateway.desk.status()
    assert (status.single_person, status.looser) == (True, 2)


def test_before_the_start_the_status_says_so() -> None:
    status = SmallGateway().desk.status()
    assert (status.epoch, status.session, status.watermark, status.records) == (0, None, None, 0)
    assert status.trading.state == "halted"


async def test_a_snapshot_is_what_the_caller_may_see(gateway: SmallGateway) -> None:
    await gateway.session.ask(Proposed(proposal()))
    gateway.session.market(Watermark(time=at(2)))
    await gateway.settle()
    assert len(gateway.desk.snapshot(AGENT).orders) == 3
    assert gateway.desk.snapshot(OTHER_AGENT).orders == ()
    assert gateway.desk.snapshot(None).watermark == "2026-11-20T14:32:00Z"
