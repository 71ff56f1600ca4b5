"""The venue's accounts over HTTP: their numbers, activities, settings, history and watchlists."""

from typing import TypeVar

from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath
from msgspec import Struct

from agenttrader.api.venue_entrance import (
    NO_CONTENT,
    OK,
    AnyRequest,
    enter,
    json_answer,
    name_in_path,
    parameters_of,
)
from agenttrader.protocols.alpaca_account import (
    ConfigurationsChange,
    WatchlistAddition,
    WatchlistWish,
    encode_history,
)
from agenttrader.protocols.alpaca_trading import decode_request

_Body = TypeVar("_Body", bound=Struct)


@get("/v2/account")
async def account(request: AnyRequest) -> Response[bytes]:
    """The account's numbers."""
    desk, name = enter(request)
    return json_answer(desk.account(name))


@get("/v2/account/activities")
async def activities(request: AnyRequest) -> Response[bytes]:
    """A page of activities."""
    desk, name = enter(request)
    return json_answer(desk.activities(name, parameters_of(request), None))


@get("/v2/account/activities/{activity_type:str}")
async def activities_of_type(request: AnyRequest, activity_type: FromPath[str]) -> Response[bytes]:
    """A page of activities of one type."""
    desk, name = enter(request)
    return json_answer(desk.activities(name, parameters_of(request), activity_type))


@get("/v2/account/configurations")
async def configurations(request: AnyRequest) -> Response[bytes]:
    """How the account may be used."""
    desk, name = enter(request)
    return json_answer(desk.owner.configurations(name))


@patch("/v2/account/configurations")
async def configure(request: AnyRequest) -> Response[bytes]:
    """Let the account be used otherwise."""
    desk, name = enter(request)
    change = await _body(request, ConfigurationsChange, "configurations")
    return json_answer(desk.owner.configure(name, change))


@get("/v2/account/portfolio/history")
async def history(request: AnyRequest) -> Response[bytes]:
    """What the account was worth."""
    desk, name = enter(request)
    found = desk.owner.history(name, parameters_of(request))
    return Response(encode_history(found), status_code=OK, media_type="application/json")


@get("/v2/watchlists")
async def watchlists(request: AnyRequest) -> Response[bytes]:
    """Every watchlist."""
    desk, name = enter(request)
    return json_answer(desk.owner.watchlists(name))


@post("/v2/watchlists", status_code=OK)
async def make_watchlist(request: AnyRequest) -> Response[bytes]:
    """A new watchlist."""
    desk, name = enter(request)
    return json_answer(desk.owner.make_watchlist(name, await _body(request, WatchlistWish, "watchlist")))


@get("/v2/watchlists/{watchlist_id:str}")
async def watchlist(request: AnyRequest, watchlist_id: FromPath[str]) -> Response[bytes]:
    """One watchlist."""
    desk, name = enter(request)
    return json_answer(desk.owner.watchlist(name, watchlist_id))


@put("/v2/watchlists/{watchlist_id:str}")
async def edit_watchlist(request: AnyRequest, watchlist_id: FromPath[str]) -> Response[bytes]:
    """Another name for a watchlist, or other symbols."""
    desk, name = enter(request)
    wish = await _body(request, WatchlistWish, "watchlist")
    return json_answer(desk.owner.edit_watchlist(name, watchlist_id, wish))


@post("/v2/watchlists/{watchlist_id:str}", status_code=OK)
async def add_to_watchlist(request: AnyRequest, watchlist_id: FromPath[str]) -> Response[bytes]:
    """One more symbol for a watchlist."""
    desk, name = enter(request)
    addition = await _body(request, WatchlistAddition, "watchlist")
    return json_answer(desk.owner.add_to_watchlist(name, watchlist_id, addition.symbol))


@delete("/v2/watchlists/{watchlist_id:str}", status_code=NO_CONTENT)
async def drop_watchlist(request: AnyRequest, watchlist_id: FromPath[str]) -> None:
    """Delete a watchlist."""
    desk, name = enter(request)
    desk.owner.drop_watchlist(name, watchlist_id)


@delete("/v2/watchlists/{watchlist_id:str}/{symbol:path}", status_code=OK)
async def take_off_watchlist(
    request: AnyRequest, watchlist_id: FromPath[str], symbol: FromPath[str]
) -> Response[bytes]:
    """Take a symbol off a watchlist."""
    desk, name = enter(request)
    return json_answer(desk.owner.take_off_watchlist(name, watchlist_id, name_in_path(request, symbol)))


async def _body(request: AnyRequest, kind: type[_Body], what: str) -> _Body:
    return decode_request(await request.body(), kind, what)


ACCOUNT_ROUTES = (
    account,
    activities,
    activities_of_type,
    configurations,
    configure,
    history,
    watchlists,
    make_watchlist,
    watchlist,
    edit_watchlist,
    add_to_watchlist,
    drop_watchlist,
    take_off_watchlist,
)
