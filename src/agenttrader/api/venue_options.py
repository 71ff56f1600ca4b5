"""The venue's option contracts over HTTP."""

from litestar import Response, get
from litestar.params import FromPath

from agenttrader.api.venue_entrance import AnyRequest, enter, json_answer, parameters_of


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


OPTION_ROUTES = (contracts, contract)
