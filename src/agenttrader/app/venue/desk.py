"""The use cases of a venue that trade: one method for each thing that a client or the market may say.

What is applied is written down before anybody is told of it (`record`); what an account's owner asks besides
trading is next door, in `owner`.
"""

from decimal import Decimal
from http import HTTPStatus
from typing import NoReturn, TypeVar, assert_never

import msgspec

from agenttrader.app.new_york import day_of
from agenttrader.app.venue.account_answers import account_answer, position_answer
from agenttrader.app.venue.activities import activities_asked
from agenttrader.app.venue.announcements import announcement, announcements_asked
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.configurations import SUSPENDED, refusal_of
from agenttrader.app.venue.market import asset_answer, assets_asked, calendar_asked, clock_answer
from agenttrader.app.venue.option_contracts import contract_answer, contracts_asked, exercise_fault
from agenttrader.app.venue.order_lists import answered, orders_asked
from agenttrader.app.venue.owner import Owner
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.record import Log, Record
from agenttrader.app.venue.requests import (
    PACKAGE_CLASS,
    closing_order,
    part_of,
    to_package,
    to_replacement,
    to_submission,
)
from agenttrader.app.venue.symbols import Symbols, position_symbol
from agenttrader.app.venue.updates import Updates
from agenttrader.model.errors import BadValue
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.protocols.alpaca_market import Announcement, Asset, CalendarDay
from agenttrader.protocols.alpaca_options import OptionContract, OptionContractsPage
from agenttrader.protocols.alpaca_trading import (
    Account,
    Activity,
    ApiError,
    CanceledOrder,
    Clock,
    ClosedPosition,
    NewOrder,
    Order,
    OrderReplacement,
    Position,
)
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.inputs import (
    BarSeen,
    CancelAsked,
    ExerciseAsked,
    HaltSeen,
    Input,
    OrderSubmitted,
    Outcome,
    PackageSubmitted,
    ReplaceAsked,
    Request,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.orders import Reason, Refusal, Side, Submission

_Thing = TypeVar("_Thing")


class Desk:
    """One venue: its exchange, its log and its listeners.

    Making one raises ConfigurationError where the log is of a venue with other settings, and StoreError where
    it cannot be read.
    """

    def __init__(self, settings: Settings, log: Log) -> None:
        self.record = Record(settings, log)
        self.symbols = Symbols(settings.listings)
        self.owner = Owner(self.record, self.symbols)
        self.updates = Updates(self.exchange.books.listings, lambda: self.exchange.watermark)

    @property
    def exchange(self) -> Exchange:
        """The exchange, to look at."""
        return self.record.exchange

    def submit(self, account: str, order: NewOrder) -> Order:
        """A client's order, as accepted. Raises BadValue for what is no order here, else Refused."""
        if order.order_class == PACKAGE_CLASS:
            return self._submit_package(account, order)
        named = None if order.symbol is None else self.symbols.meant(order.symbol)
        submission = to_submission(msgspec.structs.replace(order, symbol=named))
        self._expect_intent(account, order.position_intent, submission)
        return self._submit(account, submission)

    def replace(self, account: str, order_id: str, asked: OrderReplacement) -> Order:
        """An order instead of another, under an id of its own. Raises BadValue and Refused as `submit`."""
        replacement = to_replacement(asked)
        books = self.exchange.books
        order = self._found(books.order_of(account, order_id), f"order not found for {order_id}")
        quantity = replacement.quantity or books.listing_of(order).quantity(order.lots)
        is_leg = order.entry is not None
        self._expect_permitted(account, order.symbol, order.side, quantity, is_leg=is_leg)
        return self._ask(ReplaceAsked(account=account, order_id=order_id, replacement=replacement))

    def cancel(self, account: str, order_id: str) -> Order:
        """Cancel one order; of a bracket, all that is open. Raises Refused."""
        return self._ask(CancelAsked(account=account, order_id=order_id))

    def cancel_all(self, account: str) -> list[CanceledOrder]:
        """Cancel every open order, legs included; each with what became of the request."""
        orders = self.exchange.books.open_of(account)
        lines = []
        for order in orders:
            status = HTTPStatus.OK
            # A bracket's other orders went with its first.
            if self.exchange.books.orders[order.id].status.is_open:
                try:
                    self.cancel(account, order.id)
                except Refused:
                    status = HTTPStatus.INTERNAL_SERVER_ERROR
            lines.append(CanceledOrder(id=order.id, status=status))
        return lines

    def close(
        self,
        account: str,
        name: str,
        quantity: Decimal | None,
        percentage: Decimal | None = None,
    ) -> Order:
        """Close a holding, or a part of it, by a market order. Raises Refused where it cannot be."""
        if quantity is not None and percentage is not None:
            raise BadValue("qty: expected either qty or percentage, found both")
        symbol, lots = self._holding(account, name)
        listing = self.exchange.books.listings[symbol]
        held = listing.quantity(lots)
        if percentage is not None:
            quantity = part_of(listing, held, percentage)
        return self._submit(account, closing_order(listing, held, quantity))

    def close_all(self, account: str, *, cancel_orders: bool) -> list[ClosedPosition]:
        """Close every holding, if asked after canceling all orders; each with its order or refusal."""
        if cancel_orders:
            self.cancel_all(account)
        closed = []
        for symbol in self.exchange.books.ledger.symbols(account):
            answer: Order | ApiError
            try:
                status, answer = int(HTTPStatus.OK), self.close(account, symbol, None)
            except Refused as refused:
                status, answer = refused.status, refused.error
            body = msgspec.to_builtins(answer, builtin_types=(Decimal,))
            told = position_symbol(self.exchange.books.listings[symbol])
            closed.append(ClosedPosition(symbol=told, status=status, body=body))
        return closed

    def exercise(self, account: str, name: str) -> None:
        """Exercise what the account holds of an option and no order holds. Raises Refused."""
        refusal = exercise_fault(self.exchange)
        if refusal is None:
            asked = ExerciseAsked(account=account, symbol=self.symbols.meant(name))
            refusal = self.apply(asked).refusal
        if refusal is not None:
            raise Refused(refusal)

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
        return orders_asked(self.exchange, self.symbols, account, parameters)

    def activities(self, account: str, parameters: Parameters, only: str | None) -> list[Activity]:
        """The activities that are asked for. Raises BadValue for parameters that cannot be."""
        return activities_asked(self.exchange, account, parameters, only)

    def positions(self, account: str) -> list[Position]:
        """Every holding, by symbol."""
        return [self._position(account, symbol) for symbol in self.exchange.books.ledger.symbols(account)]

    def position(self, account: str, name: str) -> Position:
        """One holding. Raises Refused where there is none."""
        return self._position(account, self._holding(account, name)[0])

    def account(self, account: str) -> Account:
        """The account's numbers."""
        return account_answer(self.exchange, account, self.record.files.configurations[account])

    def clock(self) -> Clock:
        """The market's clock. Raises BadValue where the calendar has ended."""
        return clock_answer(self.exchange)

    def assets(self, parameters: Parameters) -> list[Asset]:
        """The assets that are asked for. Raises BadValue for parameters that cannot be."""
        return assets_asked(self.exchange, parameters)

    def asset(self, name: str) -> Asset:
        """One asset by symbol or asset id. Raises Refused where it is not listed."""
        listing = self.exchange.books.listings.get(self.symbols.meant(name))
        return asset_answer(self._found(listing, f"asset not found for {name}"))

    def option_contracts(self, parameters: Parameters) -> OptionContractsPage:
        """The option contracts that are asked for. Raises BadValue for parameters that cannot be."""
        return contracts_asked(self.exchange, parameters)

    def option_contract(self, name: str) -> OptionContract:
        """One option contract by symbol or id. Raises Refused where none is listed."""
        listing = self.exchange.books.listings.get(self.symbols.meant(name))
        found = listing if listing is not None and listing.is_option else None
        today = day_of(self.exchange.clock).isoformat()
        return contract_answer(self._found(found, f"option contract not found for {name}"), today)

    def calendar(self, parameters: Parameters) -> list[CalendarDay]:
        """The trading days that are asked for. Raises BadValue for parameters that cannot be."""
        return calendar_asked(self.exchange, parameters)

    def announcements(self, parameters: Parameters) -> list[Announcement]:
        """The corporate actions that are asked for. Raises BadValue for parameters that cannot be."""
        return announcements_asked(self.record.corporate_actions, parameters)

    def announcement(self, announcement_id: str) -> Announcement:
        """One corporate action. Raises Refused where the venue has seen none of this id."""
        told = map(announcement, self.record.corporate_actions)
        found = next((each for each in told if each.id == announcement_id), None)
        return self._found(found, f"announcement not found for {announcement_id}")

    def hear(self, event: MarketEvent) -> None:
        """What the market did. Raises BadValue for a price that the listing cannot hold."""
        match event:
            case Bar():
                self.apply(
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
                self.apply(HaltSeen(symbol=event.symbol, time=event.time, halted=halted))
            case Watermark():
                self.apply(WatermarkSeen(time=event.time))
            case _:
                assert_never(event)

    def apply(self, input_: Input) -> Outcome:
        """Give the exchange an input, write it down, and tell everybody what came of it, in this order."""
        outcome = self.record.apply(input_)
        self.updates.publish(outcome.updates)
        return outcome

    async def until_failed(self) -> NoReturn:
        """Wait, for ever while all is well. Raises the StoreError after which this venue must not go on."""
        await self.record.until_failed()

    def _submit(self, account: str, submission: Submission) -> Order:
        self._expect_permitted(account, submission.symbol, submission.side, submission.quantity)
        return self._ask(OrderSubmitted(account=account, submission=submission))

    def _expect_permitted(
        self, account: str, symbol: str, side: Side, quantity: Decimal | None, *, is_leg: bool = False
    ) -> None:
        """Raises Refused where the owner's settings refuse an order; it then never comes to the exchange.

        A leg closes what its entry opens.
        """
        books = self.exchange.books
        listing = books.listings.get(symbol)
        opens = listing is not None and not is_leg and books.opens(account, symbol, side)
        standing = self.record.files.configurations[account]
        refusal = refusal_of(standing, listing, side, quantity, opens=opens)
        if refusal is not None:
            raise Refused(refusal)

    def _submit_package(self, account: str, order: NewOrder) -> Order:
        """Several options as one order; its legs may be named by their asset ids."""
        package = to_package(order)
        if self.record.files.configurations[account].suspend_trade:
            raise Refused(SUSPENDED)
        legs = tuple(
            msgspec.structs.replace(leg, symbol=self.symbols.meant(leg.symbol)) for leg in package.legs
        )
        package = msgspec.structs.replace(package, legs=legs)
        return self._ask(PackageSubmitted(account=account, submission=package))

    def _expect_intent(self, account: str, intent: str | None, submission: Submission) -> None:
        """Raises Refused where an order would not do with the holding what its client says it is for."""
        if intent is None or submission.symbol not in self.exchange.books.listings:
            return
        opens = self.exchange.books.opens(account, submission.symbol, submission.side)
        side = "buy" if submission.side is Side.BUY else "sell"
        inferred = f"{side}_to_{'open' if opens else 'close'}"
        if intent != inferred:
            message = f"position intent mismatch, inferred: {inferred}, specified: {intent}"
            raise Refused(Refusal(reason=Reason.UNPROCESSABLE, message=message))

    def _position(self, account: str, symbol: str) -> Position:
        today = day_of(self.exchange.clock).isoformat()
        close = self.record.valuations.close_before(account, today)
        return position_answer(self.exchange.books, account, symbol, close)

    def _holding(self, account: str, name: str) -> tuple[str, int]:
        """The symbol that is meant and the lots of it. Raises Refused where the account holds none."""
        symbol = self.symbols.meant(name)
        lots = self.exchange.books.ledger.lots(account, symbol)
        return symbol, self._found(lots or None, f"position does not exist: {name}")

    def _found(self, thing: _Thing | None, otherwise: str) -> _Thing:
        if thing is None:
            raise Refused(Refusal(reason=Reason.NOT_FOUND, message=otherwise))
        return thing

    def _ask(self, input_: Request) -> Order:
        """Apply a client's input, and answer with the order as it then is. Raises Refused."""
        outcome = self.apply(input_)
        if outcome.refusal is not None:
            raise Refused(outcome.refusal)
        assert outcome.order is not None
        return answered(self.exchange, outcome.order, nested=True)
