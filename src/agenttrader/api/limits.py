"""`/v1/limits`: what rules and how much of it is used; tightening it; and signing for what waits."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.types import ControllerRouterHandler

from agenttrader.api.callers import Keys, answer, body_of, caller_of, decode, operator_of, person_of
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.gateway.limit_views import limits_of, tighten
from agenttrader.model.authority import Act
from agenttrader.protocols.limit_bodies import TightenBody
from agenttrader.protocols.person_bodies import EnvelopeBody


def limits_routes(desk: Desk, keys: Keys) -> list[ControllerRouterHandler]:
    """Everybody looks at what is theirs; an operator tightens; what loosens is signed."""

    @get("/v1/limits")
    async def limits(request: Request[Any, Any, Any]) -> Response[bytes]:
        return answer(limits_of(desk, caller_of(request, keys).agent))

    @post("/v1/limits/tighten", status_code=200)
    async def make_tighter(request: Request[Any, Any, Any]) -> Response[bytes]:
        person, asked = operator_of(request, desk, keys), decode(await body_of(request), TightenBody)
        return answer(await tighten(desk, asked, person))

    @post("/v1/limits/loosen", status_code=200)
    async def loosen(request: Request[Any, Any, Any]) -> Response[bytes]:
        person_of(request, keys)
        envelope = decode(await body_of(request), EnvelopeBody).envelope
        return answer(await desk.give(envelope, Act.LOOSEN_LIMITS))

    return [limits, make_tighter, loosen]
