"""What the venue lists, when it trades, and what its listings did, over HTTP."""

from litestar import Response, get
from litestar.params import FromPath

from agenttrader.api.venue_entrance import AnyRequest, enter, json_answer, name_in_path, parameters_of


@get("/v2/clock")
async def clock(request: AnyRequest) -> Response[bytes]:
    """The market's clock."""
    desk, _ = enter(request)
    return json_answer(desk.clock())


@get("/v2/calendar")
async def calendar(request: AnyRequest) -> Response[bytes]:
    """The trading days that the venue knows."""
    desk, _ = enter(request)
    return json_answer(desk.calendar(parameters_of(request)))


@get("/v2/assets")
async def assets(request: AnyRequest) -> Response[bytes]:
    """A list of assets."""
    desk, _ = enter(request)
    return json_answer(desk.assets(parameters_of(request)))


@get("/v2/assets/{symbol:path}")
async def asset(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
    """One asset."""
    desk, _ = enter(request)
    return json_answer(desk.asset(name_in_path(request, symbol)))


@get("/v2/corporate_actions/announcements")
async def announcements(request: AnyRequest) -> Response[bytes]:
    """A list of corporate actions."""
    desk, _ = enter(request)
    return json_answer(desk.announcements(parameters_of(request)))


@get("/v2/corporate_actions/announcements/{announcement_id:str}")
async def announcement(request: AnyRequest, announcement_id: FromPath[str]) -> Response[bytes]:
    """One corporate action."""
    desk, _ = enter(request)
    return json_answer(desk.announcement(announcement_id))


MARKET_ROUTES = (clock, calendar, assets, asset, announcements, announcement)
