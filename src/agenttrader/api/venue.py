"""The simulated exchange's face: Alpaca's trading API over HTTP, as far as this venue goes, put together."""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Litestar, WebSocket, websocket
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from agenttrader.api.probes import Application
from agenttrader.api.trade_updates import serve_trade_updates
from agenttrader.api.venue_account import ACCOUNT_ROUTES
from agenttrader.api.venue_entrance import (
    Face,
    crashed,
    face_of,
    failed,
    framework_failed,
    no_such_route,
    tell_allowance,
)
from agenttrader.api.venue_market import MARKET_ROUTES
from agenttrader.api.venue_options import OPTION_ROUTES
from agenttrader.api.venue_orders import ORDER_ROUTES
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.keys import Keys, VenueKey
from agenttrader.app.venue.rate_limit import NO_LIMIT, RateLimit
from agenttrader.model.errors import AgentTraderError

BODY_BYTES_MAX = 65_536


def create_venue_app(desk: Desk, keys: Mapping[str, VenueKey], limit: RateLimit = NO_LIMIT) -> Application:
    """The venue's application over `desk`; `keys` by their ids, each within `limit`."""
    app = Litestar(
        [*ACCOUNT_ROUTES, *MARKET_ROUTES, *OPTION_ROUTES, *ORDER_ROUTES, stream],
        state=State({"face": Face(desk, Keys(keys), limit)}, deep_copy=False),
        before_send=[tell_allowance],
        exception_handlers={
            NotFoundException: no_such_route,
            MethodNotAllowedException: no_such_route,
            HTTPException: framework_failed,
            AgentTraderError: failed,
            Exception: crashed,
        },
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
    )
    return cast("Application", app)


@websocket("/stream")
async def stream(socket: WebSocket[Any, Any, Any]) -> None:
    """What becomes of orders."""
    face = face_of(socket)
    await serve_trade_updates(socket, face.desk.updates, face.keys.identify)
