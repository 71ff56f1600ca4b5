"""An exchange with one share and options on it, its market in the test's hand: a minute is told at a time.

Calls and puts at 90 to 110 on ABC expire on the first day, a Friday, or on the second, a Monday. ABC has a
price, 100, from the first minute on.
"""

from decimal import Decimal
from typing import Any

from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    Input,
    OrderSubmitted,
    Outcome,
    PackageSubmitted,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.listings import Listing, option_listing
from agenttrader.simulation.orders import (
    Intent,
    OptionLeg,
    OrderType,
    PackageSubmission,
    Side,
    Submission,
    TimeInForce,
    VenueOrder,
)
from agenttrader.simulation.quotes import QuoteSeen

DATES = ("2026-11-20", "2026-11-23")
STRIKES = (90, 95, 100, 105, 110)
DAY_MINUTES = 3 * 24 * 60
"""From a Friday to the Monday after it."""
OPENS, CLOSES = 1, 391
"""Minutes of a day at its open and its close."""
BEGIN = from_rfc3339("2026-11-20T14:29:00Z")
_CONTRACTS = tuple(
    OptionContract(underlying="ABC", expiration=date, strike=Decimal(strike), right=right)
    for date in DATES
    for strike in STRIKES
    for right in Right
)
OPTIONS_TABLE = """
[venue.options]                 # options that the venue lists; without this table there are none
level = 3                       # what accounts may do: 1 covered calls and puts, 2 also buy, 3 also spreads
orf_rate = "0.02685"            # the exchanges' fee for a contract, both ways
occ_rate = "0.02"               # the clearing house's, both ways
occ_cap = "55.00"               # the most of it for one execution
taf_rate = "0.00279"            # FINRA's for a contract sold

[[venue.options.chains]]        # calls and puts on one share, at each strike for each day
underlying = "ALFA"
expirations = ["2026-11-20", "2026-12-18"]
strikes = ["45", "47.5", "50", "52.5", "55"]
volatility = "0.40"             # of a year: how dear time is
spread = "0.04"                 # between bid and ask, as a part of the value
size = 10                       # contracts on each side of a quote
"""
"""What docs/brokers.md shows: options on a share of the demo's."""
CONTRACTS = {contract.symbol: contract for contract in _CONTRACTS}


def time_of(minute: int) -> Instant:
    """So many minutes after the first day's beginning."""
    return Instant(BEGIN + minute * MINUTE)


def call(strike: int, day: int = 0) -> str:
    """The symbol of a call that expires on the first or second day."""
    return _symbol(strike, Right.CALL, day)


def put(strike: int, day: int = 0) -> str:
    """The symbol of a put that expires on the first or second day."""
    return _symbol(strike, Right.PUT, day)


def option_settings(**changes: Any) -> Settings:
    """One account, `a`, unless others are given."""
    fields: dict[str, Any] = {
        "start": BEGIN,
        "listings": (
            Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1)),
            *map(option_listing, CONTRACTS.values()),
        ),
        "accounts": (AccountOpening(name="a", cash=Decimal(20_000), shorting=True, options_level=3),),
        "sessions": tuple(
            Session(
                date=date,
                open=time_of(number * DAY_MINUTES + OPENS),
                close=time_of(number * DAY_MINUTES + CLOSES),
            )
            for number, date in enumerate(DATES)
        ),
        "fees": FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0)),
        "market_reserve_percent": 3,
    }
    return Settings(**(fields | changes))


class OptionStage:
    """The exchange, at work. A package is told as pairs of a ratio, negative where sold, and a symbol."""

    def __init__(self, **changes: Any) -> None:
        self.exchange = Exchange(option_settings(**changes))
        self.books = self.exchange.books
        self.told: list[Input] = []
        self.minute = OPENS
        self.bar(100)

    def bar(self, price: int | str, symbol: str = "ABC") -> Outcome:
        """The next minute: the shares trade at one price."""
        start = self.time
        self.minute += 1
        only = Decimal(price)
        return self.tell(
            BarSeen(
                symbol=symbol,
                start=start,
                end=Instant(start + MINUTE),
                open=only,
                high=only,
                low=only,
                close=only,
                volume=Decimal(1_000),
            )
        )

    def quote(
        self, symbol: str, bid: str | None, ask: str | None, bid_size: int = 10, ask_size: int = 10
    ) -> Outcome:
        """A quote at the end of the next minute."""
        self.minute += 1
        return self.tell(
            QuoteSeen(
                symbol=symbol,
                time=self.time,
                bid=None if bid is None else Decimal(bid),
                bid_size=Decimal(bid_size),
                ask=None if ask is None else Decimal(ask),
                ask_size=Decimal(ask_size),
            )
        )

    def ask(
        self, quantity: int | str, symbol: str, limit: str | None = None, account: str = "a", **changes: Any
    ) -> Outcome:
        """A day order for so many contracts, sold where it is negative; at the market without a limit."""
        number = Decimal(quantity)
        fields: dict[str, Any] = {
            "client_order_id": None,
            "symbol": symbol,
            "side": Side.BUY if number > 0 else Side.SELL,
            "type": OrderType.MARKET if limit is None else OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY,
            "quantity": abs(number),
            "limit_price": None if limit is None else Decimal(limit),
        } | changes
        return self.tell(OrderSubmitted(account=account, submission=Submission(**fields)))

    def package(
        self,
        *legs: tuple[int | str, str],
        units: int | str = 1,
        limit: str | None = None,
        intents: tuple[Intent, ...] = (),
        account: str = "a",
        **changes: Any,
    ) -> Outcome:
        """Several options at once."""
        asked = []
        for place, (ratio, symbol) in enumerate(legs):
            number = Decimal(ratio)
            side = Side.BUY if number > 0 else Side.SELL
            intent = intents[place] if intents else None
            asked.append(OptionLeg(symbol=symbol, side=side, ratio=abs(number), intent=intent))
        fields: dict[str, Any] = {
            "client_order_id": None,
            "type": OrderType.MARKET if limit is None else OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY,
            "quantity": Decimal(units),
            "limit_price": None if limit is None else Decimal(limit),
            "legs": tuple(asked),
        } | changes
        return self.tell(PackageSubmitted(account=account, submission=PackageSubmission(**fields)))

    def pass_on(self) -> Outcome:
        """The market has said everything up to now."""
        return self.tell(WatermarkSeen(time=self.time))

    def close(self) -> Outcome:
        """The end of the session."""
        day = self.minute // DAY_MINUTES
        self.minute = day * DAY_MINUTES + CLOSES
        return self.tell(WatermarkSeen(time=self.time))

    def next_day(self) -> Outcome:
        """The first minute of the next session."""
        day = self.minute // DAY_MINUTES + 1
        self.minute = day * DAY_MINUTES + OPENS
        return self.tell(WatermarkSeen(time=self.time))

    @property
    def time(self) -> Instant:
        """The end of the last minute that was told."""
        return time_of(self.minute)

    def tell(self, input_: Input) -> Outcome:
        """Anything at all."""
        self.told.append(input_)
        return self.exchange.handle(input_)

    def now(self, outcome: Outcome) -> VenueOrder:
        """How the order that was asked for stands now."""
        assert outcome.order is not None, outcome.refusal
        return self.books.orders[outcome.order.id]

    def lots(self, symbol: str, account: str = "a") -> int:
        """What the account holds."""
        return self.books.ledger.lots(account, symbol)

    def cash(self, account: str = "a") -> Decimal:
        """What cash the account has."""
        return _dollars(self.books.ledger.cash(account))

    def power(self, account: str = "a") -> Decimal:
        """What the account may spend on options."""
        return _dollars(self.books.non_marginable_buying_power(account))


def _dollars(femtos: int) -> Decimal:
    return Decimal(femtos).scaleb(-15)


def _symbol(strike: int, right: Right, day: int) -> str:
    return OptionContract(underlying="ABC", expiration=DATES[day], strike=Decimal(strike), right=right).symbol
