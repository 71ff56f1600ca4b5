"""What a person is shown of the entries that wait, and their word on one, taken at the gateway's desk."""

from agenttrader.app.gateway.desk import Desk, answer_of
from agenttrader.model.authority import Act
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import OrderId
from agenttrader.protocols.native import AnswerBody
from agenttrader.protocols.person_bodies import ApprovalBody, ApprovalLegBody, ApprovalsBody
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.waiting import Waiting


def approvals_of(engine: Engine) -> ApprovalsBody:
    """Every entry that waits, the first asked first."""
    return ApprovalsBody(tuple(_body(each, engine) for each in engine.state.approvals.waiting.values()))


async def give_word(desk: Desk, order_id: str, envelope: str, act: Act) -> AnswerBody:
    """Take a person's yes or no on an entry that waits; the order as it then is, answered as a proposal is.

    Raises BadValue where no such entry waits, StatementRefused where the word does not hold.
    """
    waits = desk.session.engine.state.approvals.waiting.get(OrderId(order_id))
    if waits is None:
        raise BadValue(
            f"order_id: expected that of an entry that waits for a person, found {order_id[:60]!r}"
        )
    await desk.give(envelope, act)
    return answer_of(await desk.decide(waits.asked.shown.proposal))


def _body(waits: Waiting, engine: Engine) -> ApprovalBody:
    shown = waits.asked.shown
    proposal, book = shown.proposal, engine.state.book
    quotes = {mark.symbol: mark.price for mark in shown.decision.inputs.marks}
    legs = [
        ApprovalLegBody(
            symbol=leg.symbol,
            quantity=proposal.signed_quantity(leg),
            price_shown=quotes.get(leg.symbol),
            price_now=engine.market.prices.get(leg.symbol),
            position=book.position(leg.symbol),
            position_after=book.position(leg.symbol) + proposal.signed_quantity(leg),
        )
        for leg in proposal.legs
    ]
    return ApprovalBody(
        order_id=proposal.id,
        digest=waits.asked.digest,
        shown=shown,
        legs=tuple(legs),
        approved_by=waits.approved_by,
        requester=engine.rules.authority.requesters.get(proposal.agent),
    )
