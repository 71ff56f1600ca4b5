"""The approvals of `/v1`: a person looks at what waits with a token, and answers with a signature."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.types import ControllerRouterHandler

from agenttrader.api.callers import Keys, answer, body_of, decode, person_of
from agenttrader.app.gateway.approvals import approvals_of, give_word
from agenttrader.app.gateway.desk import Desk
from agenttrader.model.authority import Act
from agenttrader.protocols.person_bodies import WordBody


def approvals_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """What waits, and a person's yes or no, which takes their signature."""

    @get("/v1/approvals")
    async def approvals(request: Request[Any, Any, Any]) -> Response[bytes]:
        person_of(request, keys)
        return answer(approvals_of(desk.session.engine))

    @post("/v1/approvals/approve", status_code=200)
    async def approve(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await give(request, Act.APPROVE_ORDER)

    @post("/v1/approvals/deny", status_code=200)
    async def deny(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await give(request, Act.DENY_ORDER)

    async def give(request: Request[Any, Any, Any], act: Act) -> Response[bytes]:
        person_of(request, keys)
        word = decode(await body_of(request), WordBody)
        return answer(await give_word(desk, word.order_id, word.envelope, act))

    return [approvals, approve, deny]
