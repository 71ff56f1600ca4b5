"""The venue's option contracts over HTTP."""

from litestar import Response, get, post
from litestar.params import FromPath

from agenttrader.api.venue_entrance import OK, AnyRequest, enter, json_answer, parameters_of
from agenttrader.app.venue.requests import Unsupported


@get("/v2/options/contracts")
async def contracts(request: AnyRequest) -> Response[bytes]:
    """A page of contracts."""
    desk, _ = enter(request)
    return json_answer(desk.option_contracts(parameters_of(request)))


@get("/v2/options/contracts/{name:str}")
async def contract(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """One contract."""
    desk, _ = enter(request)
    parameters_of(request).finish()
    return json_answer(desk.option_contract(name))


@post("/v2/positions/{asked:path}", status_code=OK)
async def exercise(request: AnyRequest, asked: FromPath[str]) -> None:
    """Exercise what is held of one contract. Raises Unsupported for all else that is posted to a position."""
    desk, account = enter(request)
    parameters_of(request).finish()
    name, _, act = asked.removeprefix("/").rpartition("/")
    if act != "exercise":
        raise Unsupported(f"{request.method} {request.url.path}")
    desk.exercise(account, name)


OPTION_ROUTES = (contracts, contract, exercise)
