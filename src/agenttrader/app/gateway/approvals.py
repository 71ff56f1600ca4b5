"""What a person is shown of the entries that wait, and their word on one, taken at the gateway's desk."""

from agenttrader.app.gateway.approval_views import approval_body
from agenttrader.app.gateway.desk import Desk, answer_of
from agenttrader.model.authority import Act
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import OrderId
from agenttrader.protocols.native import AnswerBody
from agenttrader.protocols.person_bodies import ApprovalsBody
from agenttrader.runtime.engine import Engine


def approvals_of(engine: Engine) -> ApprovalsBody:
    """Every entry that waits, the first asked first."""
    book, prices, requesters = engine.state.book, engine.market.prices, engine.rules.authority.requesters
    waiting = engine.state.approvals.waiting.values()
    return ApprovalsBody(tuple(approval_body(each, book, prices, requesters) for each in waiting))


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
