"""What a person is shown of an entry that waits for one."""

from collections.abc import Mapping
from decimal import Decimal

from agenttrader.model.identifiers import AgentName, PersonName, Symbol
from agenttrader.model.times import Instant
from agenttrader.portfolio.book import Book
from agenttrader.protocols.person_bodies import ApprovalBody, ApprovalLegBody
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.waiting import Waiting


def approval_body(
    waits: Waiting,
    book: Book,
    prices: Mapping[Symbol, Decimal],
    requesters: Mapping[AgentName, PersonName],
) -> ApprovalBody:
    """All that a person is shown of one that waits: what it was decided on, and what is so now."""
    shown = waits.asked.shown
    proposal = shown.proposal
    quotes = {mark.symbol: mark.price for mark in shown.decision.inputs.marks}
    legs = [
        ApprovalLegBody(
            symbol=leg.symbol,
            quantity=proposal.signed_quantity(leg),
            price_shown=quotes.get(leg.symbol),
            price_now=prices.get(leg.symbol),
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
        requester=requesters.get(proposal.agent),
    )


def first_end(engine: Engine) -> Instant | None:
    """When the time of the first of those that wait is over; None where nothing waits."""
    waiting = engine.state.approvals.waiting.values()
    return min((each.asked.shown.expires for each in waiting), default=None)
