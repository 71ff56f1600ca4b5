"""A venue of a few days for tests of its money: one minute each, at a price that a test says."""

from decimal import Decimal
from typing import Any

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    Activity,
    BarSeen,
    CorporateActionKind,
    CorporateActionSeen,
    Habits,
    Input,
    OrderSubmitted,
    Outcome,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.listings import AssetClass, Listing
from agenttrader.simulation.orders import OrderType, Side, Submission, TimeInForce

ABC = Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1))
XYZ = Listing(symbol="XYZ", tick=Decimal("0.01"), lot=Decimal(1))
PINK = Listing(symbol="PINK", tick=Decimal("0.01"), lot=Decimal(1), marginable=False)
HARD = Listing(symbol="HARD", tick=Decimal("0.01"), lot=Decimal(1), easy_to_borrow=False)
COIN = Listing(
    symbol="BTC/USD",
    tick=Decimal("0.01"),
    lot=Decimal("0.0001"),
    asset_class=AssetClass.CRYPTO,
    fractionable=True,
    shortable=False,
    marginable=False,
)
DATES = ("2026-11-18", "2026-11-19", "2026-11-20", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27")
"""A Wednesday first, with a weekend and a holiday between."""
DAY_MINUTES = 1_000
FREE = FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0))


class House:
    """One account `a` (or those given), every symbol at 100 on the first day."""

    def __init__(
        self,
        *accounts: AccountOpening,
        listings: tuple[Listing, ...] = (ABC, XYZ, PINK, HARD, COIN),
        fees: FeeSchedule = FREE,
        habits: Habits | None = None,
        **opening: Any,
    ) -> None:
        if not accounts:
            fields: dict[str, Any] = {"name": "a", "cash": Decimal(10_000), "shorting": True} | opening
            accounts = (AccountOpening(**fields),)
        self.day = 0
        self._told: list[Input] = []
        self.exchange = Exchange(
            Settings(
                start=Instant(0),
                listings=listings,
                accounts=accounts,
                sessions=tuple(
                    Session(
                        date=date,
                        open=Instant((number * DAY_MINUTES + 1) * MINUTE),
                        close=Instant((number * DAY_MINUTES + 900) * MINUTE),
                    )
                    for number, date in enumerate(DATES)
                ),
                fees=fees,
                market_reserve_percent=0,
                habits=habits or Habits(),
            )
        )
        self.books = self.exchange.books
        self.minute = 1
        self.trade_at({listing.symbol: 100 for listing in listings})

    def trade_at(self, prices: dict[str, int], low: int | None = None) -> None:
        """The next minute: each of these symbols trades at its price alone, or down to `low` and back."""
        start = Instant((self.day * DAY_MINUTES + self.minute) * MINUTE)
        end = Instant(start + MINUTE)
        for symbol, price in prices.items():
            self._tell(
                BarSeen(
                    symbol=symbol,
                    start=start,
                    end=end,
                    open=Decimal(price),
                    high=Decimal(price),
                    low=Decimal(price if low is None else low),
                    close=Decimal(price),
                    volume=Decimal(10**6),
                )
            )
        self._tell(WatermarkSeen(time=end))
        self.minute += 1

    def ask(self, quantity: int | str, symbol: str = "ABC", account: str = "a", **changes: Any) -> Outcome:
        """A market order for so much, sold where it is negative."""
        number = Decimal(quantity)
        fields: dict[str, Any] = {
            "client_order_id": None,
            "symbol": symbol,
            "side": Side.BUY if number > 0 else Side.SELL,
            "type": OrderType.MARKET,
            "time_in_force": TimeInForce.GTC,
            "quantity": abs(number),
        } | changes
        return self._tell(OrderSubmitted(account=account, submission=Submission(**fields)))

    def trade(self, quantity: int | str, symbol: str = "ABC", price: int = 100, account: str = "a") -> None:
        """Buy or sell at a price, at once."""
        outcome = self.ask(quantity, symbol, account)
        assert outcome.refusal is None, outcome.refusal
        self.trade_at({symbol: price})

    def next_day(self) -> None:
        """The end of this day, and the first minute of the next."""
        self.day += 1
        self.minute = 1
        self._tell(WatermarkSeen(time=Instant((self.day * DAY_MINUTES + 1) * MINUTE)))

    def act(self, kind: CorporateActionKind, symbol: str = "ABC", **values: Decimal) -> Outcome:
        """A corporate action at the beginning of the next day, when it is told."""
        self.day += 1
        self.minute = 1
        time = Instant(self.day * DAY_MINUTES * MINUTE)
        return self._tell(CorporateActionSeen(symbol=symbol, time=time, kind=kind, **values))

    def replayed(self) -> Exchange:
        """Another exchange that was told the same."""
        again = Exchange(self.exchange.settings)
        for each in self._told:
            again.handle(each)
        return again

    def _tell(self, input_: Input) -> Outcome:
        self._told.append(input_)
        return self.exchange.handle(input_)

    def posted(self, kind: type[Activity], account: str = "a") -> list[Any]:
        """The account's activities of a kind, oldest first."""
        return [each for each in self.exchange.activities[account] if isinstance(each, kind)]
