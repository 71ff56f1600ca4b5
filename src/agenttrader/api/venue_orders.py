"""The venue's orders and positions over HTTP.

A POSTed order is answered as `new` in a session and as `accepted` outside of one; what becomes of it is told
on the stream.
"""

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from agenttrader.api.venue_entrance import (
    MULTI_STATUS,
    NO_CONTENT,
    OK,
    AnyRequest,
    enter,
    json_answer,
    name_in_path,
    parameters_of,
)
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_trading import decode_new_order, decode_replacement


@post("/v2/orders", status_code=OK)
async def submit(request: AnyRequest) -> Response[bytes]:
    """A new order."""
    desk, name = enter(request)
    return json_answer(desk.submit(name, decode_new_order(await request.body())))


@get("/v2/orders")
async def orders(request: AnyRequest) -> Response[bytes]:
    """A list of orders."""
    desk, name = enter(request)
    return json_answer(desk.orders(name, parameters_of(request)))


@delete("/v2/orders", status_code=MULTI_STATUS)
async def cancel_all(request: AnyRequest) -> Response[bytes]:
    """Cancel every open order."""
    desk, name = enter(request)
    parameters_of(request).finish()
    return json_answer(desk.cancel_all(name), MULTI_STATUS)


@get("/v2/orders/{order_id:str}")
async def order(request: AnyRequest, order_id: FromPath[str]) -> Response[bytes]:
    """One order."""
    desk, name = enter(request)
    parameters = parameters_of(request)
    nested = parameters.flag("nested")
    parameters.finish()
    return json_answer(desk.order(name, order_id, nested=nested))


@get("/v2/orders:by_client_order_id")
async def order_by_client_order_id(request: AnyRequest) -> Response[bytes]:
    """One order, by its client's id for it."""
    desk, name = enter(request)
    parameters = parameters_of(request)
    client_order_id = parameters.text("client_order_id")
    parameters.finish()
    if client_order_id is None:
        raise BadValue("client_order_id: expected it as a parameter, found none")
    return json_answer(desk.order_by_client_order_id(name, client_order_id))


@patch("/v2/orders/{order_id:str}")
async def replace(request: AnyRequest, order_id: FromPath[str]) -> Response[bytes]:
    """An order instead of another."""
    desk, name = enter(request)
    return json_answer(desk.replace(name, order_id, decode_replacement(await request.body())))


@delete("/v2/orders/{order_id:str}", status_code=NO_CONTENT)
async def cancel(request: AnyRequest, order_id: FromPath[str]) -> None:
    """Cancel one order."""
    desk, name = enter(request)
    desk.cancel(name, order_id)


@get("/v2/positions")
async def positions(request: AnyRequest) -> Response[bytes]:
    """Every holding."""
    desk, name = enter(request)
    return json_answer(desk.positions(name))


@delete("/v2/positions", status_code=MULTI_STATUS)
async def close_all(request: AnyRequest) -> Response[bytes]:
    """Close every holding."""
    desk, name = enter(request)
    parameters = parameters_of(request)
    cancel_orders = parameters.flag("cancel_orders")
    parameters.finish()
    return json_answer(desk.close_all(name, cancel_orders=cancel_orders), MULTI_STATUS)


@get("/v2/positions/{symbol:path}")
async def position(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
    """One holding."""
    desk, name = enter(request)
    return json_answer(desk.position(name, name_in_path(request, symbol)))


@delete("/v2/positions/{symbol:path}", status_code=OK)
async def close(request: AnyRequest, symbol: FromPath[str]) -> Response[bytes]:
    """Close one holding, or a part of it."""
    desk, name = enter(request)
    parameters = parameters_of(request)
    quantity, percentage = parameters.number("qty"), parameters.number("percentage")
    parameters.finish()
    return json_answer(desk.close(name, name_in_path(request, symbol), quantity, percentage))


ORDER_ROUTES = (
    submit,
    orders,
    cancel_all,
    order,
    order_by_client_order_id,
    replace,
    cancel,
    positions,
    close_all,
    position,
    close,
)
