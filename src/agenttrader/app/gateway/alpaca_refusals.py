"""Why the gateway does not do what was asked in Alpaca's words: a status, an integer code, and a sentence.

Two kinds of no, told apart by the status, and both final for alpaca-py (which sends again on 429 and 504
alone) and for ccxt (which reads these codes, and a message, as anything but a network's fault). 403 with
40310000: not now; the same order may be permitted another time. 422 with 42210000: it cannot be as it is.
The message names the check by its code, then says what was found, what is permitted, and what to do.
"""

from http import HTTPStatus
from typing import assert_never

from agenttrader.gateway.sentences import sentence_of
from agenttrader.model.errors import AgentTraderError, AskedTooOften, BadValue, InboxFull
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import (
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    UNPROCESSABLE,
    ApiError,
)

TOO_MANY = 42910000
CANNOT_BE = frozenset(
    {
        *("agent", "strategy", "ownership", "order_id", "instrument", "opens", "shorting", "tick", "lot"),
        *("order_quantity", "order_notional", "exit_plan", "stop_price", "target_price", "time_in_force"),
        *("shape", "order_type", "extended_hours", "whole", "approval"),
    }
)
"""The checks whose denial lies in the order or in its agent's configuration, whenever it is sent."""


IN_THEIR_WORDS = {
    "strategy": "An order in Alpaca's words names none: it takes an agent that runs none (strategies = []).",
    "opens": "A bracket opens; what reduces or closes is an order without one.",
    "reduces": "Sell the whole at the market, or close it or a part: then its protection is canceled first.",
    "exit_plan": "Send a bracket, or have a person add [agents.NAME.exit_plan] for this agent.",
}
"""What to do, where the sentence of the check says it in words that an Alpaca order has not."""


class Refused(AgentTraderError):
    """Not done; with the status and the body that say so."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = ApiError(code=code, message=message)


class Unsupported(BadValue):
    """Alpaca has it and this face of the gateway does not."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not supported by this gateway yet: {what}")


def not_now(message: str) -> Refused:
    """What may be permitted another time."""
    return Refused(HTTPStatus.FORBIDDEN, FORBIDDEN, message)


def cannot_be(message: str) -> Refused:
    """What is not done as it is, whenever it is asked."""
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, UNPROCESSABLE, message)


def not_found(message: str) -> Refused:
    """What is not there for this client."""
    return Refused(HTTPStatus.NOT_FOUND, NOT_FOUND, message)


def in_its_line(error: Refused | BadValue | InboxFull | AskedTooOften) -> Refused:
    """What one of several that are asked for at once is answered: that it is not done hides no other."""
    match error:
        case Refused():
            return error
        case Unsupported():
            return cannot_be(str(error))
        case BadValue():
            return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, str(error))
        case InboxFull() | AskedTooOften():
            return Refused(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, str(error))
        case never:
            assert_never(never)


def denial_of(order: Order) -> Refused:
    """What is said of an order that was denied: the first check that it did not pass."""
    assert order.denial is not None, f"{order.id}: expected an order that was denied"
    refuse = cannot_be if order.denied_by in CANNOT_BE else not_now
    sentences = sentence_of(order.denial), IN_THEIR_WORDS.get(order.denied_by or "", "")
    return refuse(f"denied by {order.denied_by}: {' '.join(filter(None, sentences))}")
