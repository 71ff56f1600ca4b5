"""What a person does by hand at the desk: it leaves in every state, and says whose hand it was."""

from collections.abc import AsyncIterator

import pytest

from agenttrader.app.gateway.hand import breaks_of, cancel_order, close_position
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.events import CancelRequested, Decided
from agenttrader.model.identifiers import AgentName, PersonName, hand_of, person_of
from agenttrader.model.orders import OrderState, Proposal, Side
from agenttrader.model.reports import ReportKind
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.native import encode, to_body
from agenttrader.runtime.acceptance import break_id, meaning_of
from agenttrader.runtime.inputs import Compared, HaltAsked, Reported, SwitchSeen
from agenttrader.testing.builders import AGENT, ALFA, BRAVO, PERSON, broker_statement, proposal, report
from agenttrader.testing.small_gateway import SmallGateway

BLOCKED = Break(kind=BreakKind.ACCOUNT_BLOCKED, ours="not blocked", theirs="blocked", sentence="blocked")


@pytest.fixture
async def gateway() -> AsyncIterator[SmallGateway]:
    made = SmallGateway(answer_wait_seconds=0.05)
    await made.trade()
    made.broker.on_submit = made.accept
    yield made
    await made.stop()


async def hold(gateway: SmallGateway, entry: Proposal) -> Order:
    """The agent's entry, filled and protected."""
    await gateway.desk.propose(encode(to_body(entry)), AGENT)
    gateway.fill(gateway.broker.sent[-1])
    await gateway.settle()
    return gateway.order(entry.id)


async def end_protection(gateway: SmallGateway, entry: Order) -> None:
    for leg in entry.protection:
        told = report(ReportKind.CANCELED, "theirs", broker_order_id=leg.broker_id)
        await gateway.session.ask(Reported(told))


@pytest.mark.parametrize("state", TradingState)
async def test_a_position_is_closed_by_the_procedure_whatever_is_halted(
    gateway: SmallGateway, state: TradingState
) -> None:
    entry = await hold(gateway, proposal())
    if state is not TradingState.ACTIVE:
        await gateway.session.ask(HaltAsked(EVERYTHING, state, "ada", "news"))
    await gateway.session.ask(Compared("1", broker_statement(), (BLOCKED,)))
    answer = await close_position(gateway.desk, ALFA, PERSON, "enough")
    assert (answer.state, answer.decision.code) == ("approved", "approved")
    assert len(gateway.broker.sent) == 1, "nothing leaves before what protects has ended"
    await end_protection(gateway, entry)
    assert gateway.order(answer.order.id).state is OrderState.ACCEPTED
    left = gateway.broker.sent[-1].event.instruction
    assert left is not None
    assert (left.side, left.quantity) == (Side.SELL, proposal().quantity)
    (decided,) = [
        each for each in gateway.events() if isinstance(each, Decided) and each.order_id != entry.id
    ]
    assert (decided.proposal.agent, decided.proposal.reason) == ("person:ada", "enough")


async def test_asked_twice_it_is_one_order(gateway: SmallGateway) -> None:
    entry = await hold(gateway, proposal())
    first = await close_position(gateway.desk, ALFA, PERSON, "enough")
    assert (await close_position(gateway.desk, ALFA, PERSON, "again")).order.id == first.order.id
    await end_protection(gateway, entry)
    assert len(gateway.broker.sent) == 2


async def test_past_the_fence_of_a_kill_no_hand_closes_either_and_what_protects_stays(
    gateway: SmallGateway,
) -> None:
    await hold(gateway, proposal())
    gateway.switch.state = TradingState.FROZEN
    await gateway.session.ask(SwitchSeen(gateway.switch.read()))
    answer = await close_position(gateway.desk, ALFA, PERSON, "enough")
    assert answer.order.denied_by == "trading_state"
    assert not [each for each in gateway.events() if isinstance(each, CancelRequested)]


async def test_a_hand_cancels_what_is_frozen(gateway: SmallGateway) -> None:
    entry = await hold(gateway, proposal())
    await gateway.session.ask(HaltAsked(EVERYTHING, TradingState.FROZEN, "ada", "news"))
    (stop, _) = entry.protection
    assert await cancel_order(gateway.desk, stop.id, PERSON, "in my way") == stop.id
    (asked,) = [each for each in gateway.events() if isinstance(each, CancelRequested)]
    assert (asked.order_id, asked.by, asked.reason) == (stop.id, PERSON, "in my way")


async def test_a_hand_only_makes_smaller(gateway: SmallGateway) -> None:
    rules = gateway.session.engine.rules
    grant = rules.grant_of(hand_of(PERSON))
    assert grant is not None
    assert grant.reduces_only
    assert rules.only_reduces(hand_of(PERSON))
    assert hand_of(PERSON) not in rules.grants
    order = await gateway.desk.decide(proposal(7, agent=hand_of(PERSON)))
    assert order.denied_by is not None
    assert rules.grant_of(hand_of(PersonName("nobody"))) is None
    assert (person_of(hand_of(PERSON)), person_of(AgentName("bot"))) == (PERSON, None)


async def test_what_cannot_be_asked_is_refused(gateway: SmallGateway) -> None:
    with pytest.raises(BadValue, match="expected one of which something is held, found 'BRAVO'"):
        await close_position(gateway.desk, BRAVO, PERSON, "enough")
    with pytest.raises(BadValue, match="reason: expected a text"):
        await close_position(gateway.desk, ALFA, PERSON, " ")
    with pytest.raises(BadValue, match="reason: expected a text"):
        await cancel_order(gateway.desk, "any", PERSON, "")
    with pytest.raises(BadValue, match="no order any of yours is known"):
        await cancel_order(gateway.desk, "any", PERSON, "why not")


async def test_breaks_are_shown_with_what_can_be_done_about_them_those_that_can_be_accepted_first(
    gateway: SmallGateway,
) -> None:
    found = Break(kind=BreakKind.CASH, ours=str(broker_statement().cash), theirs="2", sentence="cash differs")
    await gateway.session.ask(Compared("1", broker_statement(), (BLOCKED, found)))
    first, second = breaks_of(gateway.session.engine).breaks
    assert (first.id, first.found, first.accepting, first.refusal) == (
        break_id(found),
        found,
        meaning_of(found),
        "",
    )
    assert second.refusal.startswith("nothing here makes that untrue")
