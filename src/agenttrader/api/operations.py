"""What can be asked of the gateway, route by route: the facts from which its OpenAPI documents are made.

A test holds these tables against the routes that are really there.
"""

from http import HTTPStatus
from typing import Any

from msgspec import Struct

from agenttrader.api.openapi import Face, Operation
from agenttrader.app.gateway.alpaca_questions import (
    ActivitiesAsked,
    AssetsAsked,
    CalendarAsked,
    ClientOrderAsked,
    CloseAllAsked,
    CloseAsked,
    OrderAsked,
    OrdersAsked,
)
from agenttrader.app.gateway.status import ReconcileBody, StatusBody
from agenttrader.protocols.alpaca_account import Configurations
from agenttrader.protocols.alpaca_market import Asset, CalendarDay
from agenttrader.protocols.alpaca_trading import (
    ORDER_CLASSES,
    ORDER_TYPES,
    TIMES_IN_FORCE,
    Account,
    Activity,
    ApiError,
    CanceledOrder,
    Clock,
    ClosedPosition,
    NewOrder,
    Order,
    OrderReplacement,
    Position,
)
from agenttrader.protocols.limit_bodies import LimitBody, LimitsBody, TightenBody
from agenttrader.protocols.native import AnswerBody, ErrorBody, ProposalBody, Snapshot, TradingBody
from agenttrader.protocols.native_changes import ChangesBody
from agenttrader.protocols.native_doubts import DoubtsBody
from agenttrader.protocols.native_groups import GroupAnswerBody, GroupBody
from agenttrader.protocols.person_bodies import (
    ApprovalsBody,
    BreaksBody,
    CancelAskedBody,
    CancelBody,
    CloseBody,
    EnvelopeBody,
    HaltBody,
    ReasonBody,
    WordBody,
)

_ERRORS = {
    400: "a request that cannot be read",
    401: "a key that is not known",
    403: "not permitted, or not now",
    404: "nothing there for this client",
    413: "a body of more than 64 KiB",
    422: "a field or value that cannot be",
    429: "too much is waiting, or the agent is denied all the time; nothing was taken",
    503: "starting, or the journal cannot be written; nothing was taken",
}


def _get(path: str, summary: str, answer: Any, asked: type[Struct] | None = None) -> Operation:
    return Operation(method="GET", path=path, summary=summary, answer=answer, asked=asked)


def _post(path: str, summary: str, body: Any, answer: Any) -> Operation:
    return Operation(method="POST", path=path, summary=summary, body=body, answer=answer)


def _delete(
    path: str, summary: str, answer: Any, status: HTTPStatus, asked: type[Struct] | None = None
) -> Operation:
    return Operation(method="DELETE", path=path, summary=summary, answer=answer, status=status, asked=asked)


NATIVE = Face(
    title="AgentTrader's own API",
    version="1",
    description="Proposals with reason and exit plan, and what a person does.",
    address="/v1/openapi.json",
    operations=(
        _post("/v1/proposals", "The order, decided; a denial is an answer, too.", ProposalBody, AnswerBody),
        _post("/v1/groups", "The orders, all approved or all denied.", GroupBody, GroupAnswerBody),
        _delete("/v1/orders/{order_id}", "The broker was asked.", CancelAskedBody, HTTPStatus.ACCEPTED),
        Operation(
            method="PATCH",
            path="/v1/orders/{order_id}",
            summary="The order that is to come in its place, decided.",
            body=ChangesBody,
            answer=AnswerBody,
        ),
        _get("/v1/status", "How the gateway stands.", StatusBody),
        _get("/v1/snapshot", "All that the key's owner may see.", Snapshot),
        _post("/v1/windows", "Opened, by a signed statement.", EnvelopeBody, TradingBody),
        _post("/v1/windows/extend", "Extended, by a signed statement.", EnvelopeBody, TradingBody),
        _post("/v1/windows/resume", "Resumed, by a signed statement.", EnvelopeBody, TradingBody),
        _post("/v1/windows/close", "Closed: nothing enters any more.", ReasonBody, TradingBody),
        _post("/v1/resume", "The halt is lifted, by a signed statement.", EnvelopeBody, TradingBody),
        _post("/v1/halt", "Halted, until a person lifts it.", HaltBody, TradingBody),
        _get("/v1/breaks", "What differs, and what accepting it would do.", BreaksBody),
        _post("/v1/breaks/accept", "Accepted, by a signed statement.", EnvelopeBody, TradingBody),
        _get("/v1/approvals", "The entries that wait for a person.", ApprovalsBody),
        _post("/v1/approvals/approve", "The order, decided again with the last yes.", WordBody, AnswerBody),
        _post("/v1/approvals/deny", "The order, ended.", WordBody, AnswerBody),
        _post("/v1/orders/cancel", "The broker was asked, by a person.", CancelBody, CancelAskedBody),
        _post("/v1/positions/close", "The closing order of a person, decided.", CloseBody, AnswerBody),
        _get("/v1/limits", "What rules, how much of it is used, and what waits.", LimitsBody),
        _post("/v1/limits/tighten", "Tighter, from the next decision on.", TightenBody, LimitBody),
        _post("/v1/limits/loosen", "Signed for; with the last one it rules.", EnvelopeBody, TradingBody),
        _post("/v1/reconcile", "Compared with the broker.", None, ReconcileBody),
        Operation(
            method="PUT",
            path="/v1/doubts",
            summary="What the exits unit cannot judge is on record.",
            body=DoubtsBody,
            answer=TradingBody,
        ),
    ),
    error=ErrorBody,
    errors=_ERRORS,
    security={"key": {"type": "http", "scheme": "bearer"}},
    words={},
)

ALPACA = Face(
    title="Alpaca's trading API, as the gateway answers it",
    version="2",
    description="What is not here is refused by its name with 422.",
    address="/v2/openapi.json",
    operations=(
        _get("/v2/account", "The account.", Account),
        _get("/v2/account/activities", "The agent's fills.", list[Activity], ActivitiesAsked),
        _get("/v2/account/activities/{name}", "Those of one type.", list[Activity], ActivitiesAsked),
        _get("/v2/account/configurations", "What the account may.", Configurations),
        _get("/v2/assets", "What the agent may trade.", list[Asset], AssetsAsked),
        _get("/v2/assets/{name}", "One of them.", Asset),
        _get("/v2/calendar", "Trading days.", list[CalendarDay], CalendarAsked),
        _get("/v2/clock", "The market's clock.", Clock),
        _post("/v2/orders", "The order as the broker has it, or the one that it is again.", NewOrder, Order),
        _get("/v2/orders", "The agent's orders.", list[Order], OrdersAsked),
        _get("/v2/orders/{name}", "One of them.", Order, OrderAsked),
        _get("/v2/orders:by_client_order_id", "One by its client's id.", Order, ClientOrderAsked),
        Operation(
            method="PATCH",
            path="/v2/orders/{name}",
            summary="The order that takes its place.",
            body=OrderReplacement,
            answer=Order,
        ),
        _delete("/v2/orders", "The broker was asked.", list[CanceledOrder], HTTPStatus.MULTI_STATUS),
        _delete("/v2/orders/{name}", "The broker was asked.", None, HTTPStatus.NO_CONTENT),
        _get("/v2/positions", "What is held in the agent's symbols.", list[Position]),
        _get("/v2/positions/{name}", "One of them.", Position),
        _delete(
            "/v2/positions",
            "The closing orders.",
            list[ClosedPosition],
            HTTPStatus.MULTI_STATUS,
            CloseAllAsked,
        ),
        _delete("/v2/positions/{name}", "The closing order.", Order, HTTPStatus.OK, CloseAsked),
    ),
    error=ApiError,
    errors=_ERRORS,
    security={
        "agent": {"type": "apiKey", "in": "header", "name": "APCA-API-KEY-ID"},
        "key": {"type": "apiKey", "in": "header", "name": "APCA-API-SECRET-KEY"},
    },
    words={
        ("NewOrder", "type"): ORDER_TYPES,
        ("NewOrder", "time_in_force"): TIMES_IN_FORCE,
        ("NewOrder", "order_class"): ORDER_CLASSES,
    },
)

FACES = (NATIVE, ALPACA)
