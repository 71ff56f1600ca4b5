"""A simulated exchange that is played by hand: bars by their prices, orders by name, and what was told.

It trades ABC in sessions of sixty minutes, with thirty minutes before and after each, and COIN/USD always. It
begins at the first open, with both at 100.
"""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from agenttrader.model.times import MINUTE, SECOND, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    CancelAsked,
    Input,
    OrderChanged,
    OrderSubmitted,
    Outcome,
    ReplaceAsked,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.listings import AssetClass, Listing
from agenttrader.simulation.orders import (
    OrderType,
    Refusal,
    Replacement,
    Side,
    Submission,
    TimeInForce,
    VenueOrder,
)

DAY = 24 * 60
OPEN, CLOSE, EXTENDED = 0, 60, 30
"""Minutes since the first open; a session's hours, and how long those before and after it are."""
START = DAY * MINUTE


def at(minute: int, day: int = 0, second: int = 0) -> Instant:
    """The time so many minutes after the open of a day of the stage."""
    return Instant(START + (day * DAY + minute) * MINUTE + second * SECOND)


def _session(day: int) -> Session:
    return Session(
        date=f"1970-01-{day + 2:02d}",
        open=at(OPEN, day),
        close=at(CLOSE, day),
        early_open=at(OPEN - EXTENDED, day),
        late_close=at(CLOSE + EXTENDED, day),
    )


SETTINGS = Settings(
    start=at(OPEN - 1),
    listings=(
        Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1), fractionable=True),
        Listing(
            symbol="COIN/USD",
            tick=Decimal("0.01"),
            lot=Decimal("0.0001"),
            asset_class=AssetClass.CRYPTO,
            fractionable=True,
            shortable=False,
            marginable=False,
        ),
        Listing(symbol="WHOLE", tick=Decimal("0.01"), lot=Decimal(1)),
    ),
    accounts=(AccountOpening(name="a", cash=Decimal(10_000), shorting=True),),
    sessions=tuple(_session(day) for day in range(3)),
    fees=FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0)),
    market_reserve_percent=0,
)


class VenueStage:
    """The exchange, and the names under which orders are told of; `changes` are to its settings."""

    def __init__(self, **changes: Any) -> None:
        self.exchange = Exchange(replace(SETTINGS, **changes))
        self.names: dict[str, str] = {}
        self.outcome = Outcome(applied=True)
        self.watermark(OPEN)
        for symbol in ("ABC", "COIN/USD", "WHOLE"):
            self.bar(1, 100, symbol=symbol)
        self.watermark(1)

    def tell(self, input_: Input) -> list[str]:
        """Give the exchange an input; what it said of orders: name, event, and what was traded."""
        self.outcome = self.exchange.handle(input_)
        return [self._line(each) for each in self.outcome.updates if isinstance(each, OrderChanged)]

    def watermark(self, minute: int, day: int = 0, second: int = 0) -> list[str]:
        """The market has said everything up to then."""
        return self.tell(WatermarkSeen(time=at(minute, day, second)))

    def bar(
        self,
        minute: int,
        *prices: int | str,
        symbol: str = "ABC",
        day: int = 0,
        volume: int | str = 1_000_000,
    ) -> list[str]:
        """The bar that ends at `minute`; one price stands for open, high, low and close."""
        values = [Decimal(price) for price in (prices * 4 if len(prices) == 1 else prices)]
        return self.tell(
            BarSeen(
                symbol=symbol,
                start=at(minute - 1, day),
                end=at(minute, day),
                open=values[0],
                high=values[1],
                low=values[2],
                close=values[3],
                volume=Decimal(volume),
            )
        )

    def ask(self, name: str = "order", **changes: Any) -> Outcome:
        """A client asks: to buy 10 of ABC at the market for the day, but for the changes."""
        fields: dict[str, Any] = {
            "client_order_id": None,
            "symbol": "ABC",
            "side": Side.BUY,
            "type": OrderType.MARKET,
            "time_in_force": TimeInForce.DAY,
        }
        if "notional" not in changes:
            fields["quantity"] = Decimal(10)
        fields |= {key: _number(value) for key, value in changes.items()}
        self.tell(OrderSubmitted(account="a", submission=Submission(**fields)))
        order = self.outcome.order
        if order is not None:
            self.names[order.id] = name
            for leg in order.legs:
                self.names[leg] = "target" if self[leg].type is OrderType.LIMIT else "stop"
        return self.outcome

    def order(self, name: str = "order", **changes: Any) -> str:
        """The id of an order that is accepted."""
        order = self.ask(name, **changes).order
        assert order is not None, self.outcome.refusal
        return order.id

    def refusal(self, **changes: Any) -> str:
        """Why an order is refused."""
        refusal = self.ask(**changes).refusal
        assert isinstance(refusal, Refusal)
        return refusal.message

    def cancel(self, order_id: str) -> list[str]:
        """A client asks to cancel an order."""
        return self.tell(CancelAsked(account="a", order_id=order_id))

    def replace(self, order_id: str, name: str = "new", **changes: Any) -> list[str]:
        """A client asks to replace an order."""
        asked = Replacement(**{key: _number(value) for key, value in changes.items()})
        told = ReplaceAsked(account="a", order_id=order_id, replacement=asked)
        self.outcome = self.exchange.handle(told)
        if self.outcome.order is not None:
            self.names[self.outcome.order.id] = name
        return [self._line(each) for each in self.outcome.updates if isinstance(each, OrderChanged)]

    def __getitem__(self, order_id: str) -> VenueOrder:
        return self.exchange.books.orders[order_id]

    def quantity(self, symbol: str = "ABC") -> Decimal:
        """What is held."""
        lots = self.exchange.books.ledger.lots("a", symbol)
        return self.exchange.books.listings[symbol].quantity(lots)

    def _line(self, told: OrderChanged) -> str:
        line = f"{self.names.get(told.order.id, 'order')} {told.event.value}"
        if told.execution is None:
            return line
        listing = self.exchange.books.listings[told.order.symbol]
        quantity, price = listing.quantity(told.execution.lots), listing.price(told.execution.price)
        return f"{line} {quantity.normalize():f}@{price}"


def _number(value: Any) -> Any:
    """Whole numbers and texts of digits stand for decimals."""
    is_digits = isinstance(value, str) and value.replace(".", "").isdigit()
    return Decimal(value) if is_digits or (isinstance(value, int) and not isinstance(value, bool)) else value
