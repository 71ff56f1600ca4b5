"""The venue by function calls: every request answered as over the wire, in bytes, and no socket.

Requests go by method and path to the venue's own use cases (`app.venue.desk`); what those answer or refuse is
encoded, and read again by who asked. What is left out is what sockets may do to it.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from msgspec import Struct

from agenttrader.adapters.alpaca.connection import Answer
from agenttrader.app.trade_listener import TradeListener
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.requests import Unsupported
from agenttrader.app.venue.updates import STREAMS
from agenttrader.model.errors import BadValue
from agenttrader.model.market import MarketEvent
from agenttrader.model.values import exact
from agenttrader.protocols.alpaca_trading import (
    INVALID,
    UNPROCESSABLE,
    ApiError,
    decode_new_order,
    decode_replacement,
    encode,
)
from agenttrader.simulation.inputs import CorporateActionSeen, Mishap, Settings

PAGE = 100
_NOTHING: Mapping[str, str] = {}


class MemoryLog:
    """The venue's log, gone with the process."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []

    def read(self) -> Iterator[bytes]:
        """Every entry, in order."""
        return iter(self._entries)

    def append(self, entry: bytes) -> None:
        """Add an entry."""
        self._entries.append(entry)


class VenueCalls:
    """One venue and whoever calls it. A request is known to be an account's: there are no keys here."""

    def __init__(self, settings: Settings) -> None:
        self.log = MemoryLog()
        self._settings = settings
        self._desk = Desk(settings, self.log)

    def hear(self, event: MarketEvent) -> None:
        """What the market did."""
        self._desk.hear(event)

    def befall(self, happened: Mishap | CorporateActionSeen) -> None:
        """What an exchange or a company may do without anybody's asking; to what is not there, nothing."""
        self._desk.apply(happened)

    def listen(self, account: str) -> TradeListener:
        """A listener that hears from now on what becomes of the account's orders, and watermarks."""
        listener = TradeListener()
        listener.enter(lambda: account)
        self._desk.updates.add(listener)
        self._desk.updates.listen(listener, STREAMS)
        return listener

    def forget(self, listener: TradeListener) -> None:
        """Tell it no more."""
        self._desk.updates.remove(listener)

    def restarted(self) -> "VenueCalls":
        """Another venue that begins with this one's settings and log, as after a kill."""
        other = VenueCalls(self._settings)
        other.log = self.log
        other._desk = Desk(self._settings, self.log)
        return other

    def request(
        self,
        account: str,
        method: str,
        path: str,
        parameters: Mapping[str, str] = _NOTHING,
        body: bytes = b"",
    ) -> Answer:
        """The answer to one request; a fault of the venue's own is raised, for there is nobody to hide it."""
        try:
            status, found = self._answer(account, f"{method} {path}", Parameters(parameters.items()), body)
        except Refused as refused:
            status, found = refused.status, refused.error
        except Unsupported as error:
            status, found = 422, ApiError(code=UNPROCESSABLE, message=str(error))
        except BadValue as error:
            status, found = 422, ApiError(code=INVALID, message=str(error))
        return Answer(status, b"" if found is None else encode(found))

    def activities(self, account: str) -> Iterator[bytes]:
        """Every page of the account's activities, oldest first."""
        token = ""
        while True:
            asked = {"direction": "asc", "page_size": str(PAGE), "page_token": token}
            page = self._desk.activities(account, Parameters(asked.items()), None)
            if page:
                yield encode(page)
                token = page[-1].id
            if len(page) < PAGE:
                return

    def _answer(
        self, account: str, asked: str, parameters: Parameters, body: bytes
    ) -> tuple[int, Struct | list[Struct] | None]:
        desk = self._desk
        match asked.split("/"):
            case ["POST v2", "orders"]:
                return HTTPStatus.OK, desk.submit(account, decode_new_order(body))
            case ["PATCH v2", "orders", order_id]:
                return HTTPStatus.OK, desk.replace(account, order_id, decode_replacement(body))
            case ["DELETE v2", "orders", order_id]:
                desk.cancel(account, order_id)
                return HTTPStatus.NO_CONTENT, None
            case ["DELETE v2", "orders"]:
                return HTTPStatus.MULTI_STATUS, [*desk.cancel_all(account)]
            case ["DELETE v2", "positions"]:
                cancel_orders = parameters.flag("cancel_orders")
                return HTTPStatus.MULTI_STATUS, [*desk.close_all(account, cancel_orders=cancel_orders)]
            case ["DELETE v2", "positions", symbol]:
                part = [
                    None if text is None else exact(text, name)
                    for name in ("qty", "percentage")
                    for text in [parameters.text(name)]
                ]
                return HTTPStatus.OK, desk.close(account, symbol, *part)
            case _:
                return HTTPStatus.OK, self._read(account, asked, parameters)

    def _read(self, account: str, asked: str, parameters: Parameters) -> Struct | list[Struct]:
        desk = self._desk
        match asked.split("/"):
            case ["GET v2", "account"]:
                return desk.account(account)
            case ["GET v2", "account", "activities"]:
                return [*desk.activities(account, parameters, None)]
            case ["GET v2", "clock"]:
                return desk.clock()
            case ["GET v2", "positions"]:
                return [*desk.positions(account)]
            case ["GET v2", "orders"]:
                return [*desk.orders(account, parameters)]
            case ["GET v2", "orders:by_client_order_id"]:
                return desk.order_by_client_order_id(account, parameters.text("client_order_id") or "")
            case ["GET v2", "orders", order_id]:
                return desk.order(account, order_id, nested=parameters.flag("nested"))
            case _:
                raise AssertionError(f"no such route here: {asked}")
