"""The use cases of a venue: one method for each thing that a client or the market may say.

The exchange is a state machine and its inputs are the truth, so what is applied is written to the log before
anybody is told of it, and reading the log again is the whole of recovery. A log that cannot be written leaves
the exchange ahead of its disk: nothing more is answered, and the process must end and start anew.
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from http import HTTPStatus
from typing import NoReturn, Protocol, TypeVar, assert_never

import msgspec

from agenttrader.app.venue.answers import Refused, account_answer, asset_id, position_answer
from agenttrader.app.venue.questions import Parameters, activities_asked, answered, clock_answer, orders_asked
from agenttrader.app.venue.requests import closing_order, to_submission
from agenttrader.app.venue.updates import Listener, Updates
from agenttrader.model.errors import BadValue, ConfigurationError, StoreError
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.protocols.alpaca_trading import (
    Account,
    Activity,
    CanceledOrder,
    Clock,
    ClosedPosition,
    NewOrder,
    Order,
    Position,
)
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.inputs import (
    BarSeen,
    CancelAsked,
    HaltSeen,
    Input,
    OrderSubmitted,
    Outcome,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.orders import Reason, Refusal


class Log(Protocol):
    """A file of entries, each whole or not there."""

    def read(self) -> Iterator[bytes]:
        """Every entry, in order. Raises StoreError."""
        ...

    def append(self, entry: bytes) -> None:
        """Add an entry that outlives this process, however it ends. Raises StoreError."""
        ...


_Thing = TypeVar("_Thing")
_encoder = msgspec.json.Encoder()
_input_decoder: msgspec.json.Decoder[Input] = msgspec.json.Decoder(Input)


class Desk:
    """One venue: its exchange, its log and its listeners.

    Making one raises ConfigurationError where the log is of a venue with other settings, and StoreError where
    it cannot be read.
    """

    def __init__(self, settings: Settings, log: Log) -> None:
        self.exchange = Exchange(settings)
        self.updates = Updates(self.exchange.books.listings)
        self._log = log
        self._failure: StoreError | None = None
        self._has_failed = asyncio.Event()
        self._symbols = {asset_id(symbol): symbol for symbol in self.exchange.books.listings}
        self._replay(settings)

    def submit(self, account: str, order: NewOrder) -> Order:
        """A client's order, as accepted. Raises BadValue for what is no order here, else Refused."""
        return self._ask(OrderSubmitted(account=account, submission=to_submission(order)))

    def cancel(self, account: str, order_id: str) -> Order:
        """Cancel one order; of a bracket, all that is open. Raises Refused."""
        return self._ask(CancelAsked(account=account, order_id=order_id))

    def cancel_all(self, account: str) -> list[CanceledOrder]:
        """Cancel every open order; those that were, legs included."""
        orders = self.exchange.books.open_of(account)
        for order in orders:
            # A bracket's other orders went with its first.
            if self.exchange.books.orders[order.id].status.is_open:
                self.cancel(account, order.id)
        return [CanceledOrder(id=order.id, status=HTTPStatus.OK) for order in orders]

    def close(self, account: str, symbol_or_asset_id: str, quantity: Decimal | None) -> Order:
        """Close a holding, or `quantity` of it, by a market order. Raises Refused where it cannot be."""
        symbol, lots = self._holding(account, symbol_or_asset_id)
        held = self.exchange.books.listings[symbol].quantity(lots)
        return self._ask(OrderSubmitted(account=account, submission=closing_order(symbol, held, quantity)))

    def close_all(self, account: str, *, cancel_orders: bool) -> list[ClosedPosition]:
        """Close every holding, if asked after canceling all orders; each with its order or refusal."""
        if cancel_orders:
            self.cancel_all(account)
        closed = []
        for symbol in self.exchange.books.ledger.symbols(account):
            try:
                status, body = int(HTTPStatus.OK), msgspec.to_builtins(self.close(account, symbol, None))
            except Refused as refused:
                status, body = refused.status, msgspec.to_builtins(refused.error)
            closed.append(ClosedPosition(symbol=symbol, status=status, body=body))
        return closed

    def order(self, account: str, order_id: str, *, nested: bool) -> Order:
        """An order by its id. Raises Refused where the account has none."""
        order = self.exchange.books.order_of(account, order_id)
        return answered(self.exchange, self._found(order, f"order not found for {order_id}"), nested=nested)

    def order_by_client_order_id(self, account: str, client_order_id: str) -> Order:
        """An order by its client's id, with its legs. Raises Refused where the account has none."""
        order = self.exchange.books.by_client_order_id(account, client_order_id)
        return answered(
            self.exchange, self._found(order, f"order not found for {client_order_id}"), nested=True
        )

    def orders(self, account: str, parameters: Parameters) -> list[Order]:
        """The orders that are asked for. Raises BadValue for parameters that cannot be."""
        return orders_asked(self.exchange, account, parameters)

    def activities(self, account: str, parameters: Parameters, only: str | None) -> list[Activity]:
        """The fills and fees that are asked for. Raises BadValue for parameters that cannot be."""
        return activities_asked(self.exchange, account, parameters, only)

    def positions(self, account: str) -> list[Position]:
        """Every holding, by symbol."""
        symbols = self.exchange.books.ledger.symbols(account)
        return [position_answer(self.exchange.books, account, symbol) for symbol in symbols]

    def position(self, account: str, symbol_or_asset_id: str) -> Position:
        """One holding. Raises Refused where there is none."""
        return position_answer(self.exchange.books, account, self._holding(account, symbol_or_asset_id)[0])

    def account(self, account: str) -> Account:
        """The account's numbers."""
        return account_answer(self.exchange, account)

    def clock(self) -> Clock:
        """The market's clock. Raises BadValue where the calendar has ended."""
        return clock_answer(self.exchange)

    def listen(self, listener: Listener, streams: tuple[str, ...]) -> None:
        """Tell the listener these streams from now on."""
        self.updates.listen(listener, streams, self.exchange.watermark)

    def hear(self, event: MarketEvent) -> None:
        """What the market did. Raises BadValue for a price that the listing cannot hold."""
        match event:
            case Bar():
                self._apply(
                    BarSeen(
                        symbol=event.symbol,
                        start=event.start,
                        end=event.end,
                        open=event.open,
                        high=event.high,
                        low=event.low,
                        close=event.close,
                        volume=event.volume,
                    )
                )
            case StatusChange():
                halted = event.status is not TradingStatus.TRADING
                self._apply(HaltSeen(symbol=event.symbol, time=event.time, halted=halted))
            case Watermark():
                self._apply(WatermarkSeen(time=event.time))
            case _:
                assert_never(event)

    async def until_failed(self) -> NoReturn:
        """Wait, for ever while all is well. Raises the StoreError after which this venue must not go on."""
        await self._has_failed.wait()
        assert self._failure is not None
        raise self._failure

    def _holding(self, account: str, symbol_or_asset_id: str) -> tuple[str, int]:
        """The symbol that is meant and the lots of it. Raises Refused where the account holds none."""
        symbol = self._symbols.get(symbol_or_asset_id, symbol_or_asset_id)
        lots = self.exchange.books.ledger.lots(account, symbol)
        return symbol, self._found(lots or None, f"position does not exist: {symbol}")

    def _found(self, thing: _Thing | None, otherwise: str) -> _Thing:
        if thing is None:
            raise Refused(Refusal(reason=Reason.NOT_FOUND, message=otherwise))
        return thing

    def _ask(self, input_: OrderSubmitted | CancelAsked) -> Order:
        """Apply a client's input, and answer with the order as it then is. Raises Refused."""
        outcome = self._apply(input_)
        if outcome.refusal is not None:
            raise Refused(outcome.refusal)
        assert outcome.order is not None
        return answered(self.exchange, outcome.order, nested=True)

    def _apply(self, input_: Input) -> Outcome:
        """Apply, write down, tell, in this order. What changes nothing is neither written nor told."""
        if self._failure is not None:
            raise self._failure
        # What breaks off in between leaves a state that no log has: then this is what everybody is told.
        self._failure = StoreError(
            "venue: an input broke off half applied; the venue must start anew from its log"
        )
        try:
            outcome = self.exchange.handle(input_)
            if outcome.applied:
                self._log.append(_encoder.encode(input_))
            self._failure = None
        except BadValue:
            self._failure = None
            raise
        except StoreError as error:
            self._failure = error
            raise
        finally:
            if self._failure is not None:
                self._has_failed.set()
        self.updates.publish(outcome.updates)
        return outcome

    def _replay(self, settings: Settings) -> None:
        """Become the venue that the log is of; a new log begins with the settings."""
        own = _encoder.encode(settings)
        entries = self._log.read()
        first = next(entries, None)
        if first is None:
            self._log.append(own)
        elif first != own:
            raise ConfigurationError(
                "venue: expected a log that began with these accounts, instruments, fees and sessions, found "
                f"another venue's, which began with {first[:200].decode(errors='replace')}…; "
                "name another `log` in [venue], or move the file away"
            )
        for number, entry in enumerate(entries, start=2):
            try:
                applied = self.exchange.handle(_input_decoder.decode(entry)).applied
            except (msgspec.MsgspecError, KeyError, ValueError) as error:
                raise _altered(number, entry, str(error)) from error
            if not applied:
                raise _altered(number, entry, "it changes nothing")


def _altered(number: int, entry: bytes, finding: str) -> StoreError:
    return StoreError(
        f"venue's log, entry {number}: expected an input that was applied, found {entry[:200]!r}: {finding}; "
        "the file was altered: move it away"
    )
