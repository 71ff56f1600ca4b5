"""What a person does by hand at the gateway's desk: looks at breaks, cancels an order, closes a position.

It goes the way of everybody else's: a close is decided, and goes by the closing procedure; a cancel is on
record with who asked and why. A person's hand only makes positions smaller, in every symbol, whoever holds
it, and no halt stops it: only the fence of a kill.
"""

from msgspec import structs

from agenttrader.app.gateway.alpaca_closing import closing_proposal
from agenttrader.app.gateway.alpaca_names import named_close
from agenttrader.app.gateway.desk import Desk, answer_of
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import OrderId, PersonName, Symbol, hand_of
from agenttrader.model.times import Instant
from agenttrader.protocols.native import AnswerBody
from agenttrader.protocols.person_bodies import BreakBody, BreaksBody
from agenttrader.runtime.acceptance import break_id, meaning_of, refusal_of
from agenttrader.runtime.engine import Engine


def breaks_of(engine: Engine) -> BreaksBody:
    """Every break that stands, what accepting it would do, and why it cannot be; first those that can."""
    state = engine.state
    bodies = [
        BreakBody(
            id=break_id(found), found=found, accepting=meaning_of(found), refusal=refusal_of(found, state)
        )
        for found in dict.fromkeys(state.breaks)
    ]
    return BreaksBody(tuple(sorted(bodies, key=lambda each: bool(each.refusal))))


async def cancel_order(desk: Desk, order_id: str, person: str, reason: str) -> OrderId:
    """Ask for the end of anybody's order, on record with who and why. Raises BadValue where it cannot be."""
    _require(reason)
    return await desk.cancel(order_id, None, person, reason)


async def close_position(desk: Desk, symbol: str, person: str, reason: str) -> AnswerBody:
    """Close all that is held in `symbol`; asked again while that works, it is the same order.

    Raises BadValue where nothing is held.
    """
    _require(reason)
    engine, name = desk.session.engine, Symbol(symbol)
    position = engine.state.book.position(name)
    if not position:
        raise BadValue(f"symbol: expected one of which something is held, found {symbol[:60]!r}")
    hand = hand_of(PersonName(person))
    order_id, known = named_close(hand, name).latest(engine.state.book.orders.by_id)
    proposal = closing_proposal(
        name,
        order_id,
        hand,
        part=None,
        position=position,
        instrument=engine.rules.instruments.get(name),
        mark=engine.market.marks.get(name),
        now=Instant(0) if desk.session.now is None else desk.session.now,
    )
    wanted = structs.replace(proposal, reason=reason) if known is None else known.proposal
    return answer_of(await desk.decide(wanted))


def _require(reason: str) -> None:
    if not reason.strip():
        raise BadValue("reason: expected a text that says why, found none")
