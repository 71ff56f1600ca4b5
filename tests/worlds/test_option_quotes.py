"""Recorded quotes of options: what was offered fills, an empty bid does not, and no quote of them is refused.

Needs the shared data; skipped aloud where it is not there.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agenttrader.model.times import MINUTE, SECOND, Instant
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    OrderSubmitted,
    PackageSubmitted,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.listings import Listing, option_listing
from agenttrader.simulation.orders import (
    OptionLeg,
    OrderType,
    PackageSubmission,
    Side,
    Status,
    Submission,
    TimeInForce,
)
from agenttrader.simulation.quotes import QuoteSeen

DATA = Path(__file__).parents[3] / "shared" / "data" / "options"
DAYS = (("SPY", "2023-08-03", "455"), ("GOOG", "2015-12-24", "750"))
ORDERS = 20
"""So many contracts are bought of each day at most."""
NEW_YORK = ZoneInfo("America/New_York")


def instant(text: str) -> Instant:
    wall = datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)
    return Instant(int(wall.timestamp()) * SECOND)


def recorded(path: Path, underlying: str) -> Iterator[tuple[OptionContract, QuoteSeen]]:
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            contract = OptionContract(
                underlying=underlying,
                expiration=row["expiration"],
                strike=Decimal(row["strike"]),
                right=Right(row["right"]),
            )
            yield (
                contract,
                QuoteSeen(
                    symbol=contract.symbol,
                    time=instant(row["time_new_york"]),
                    bid=Decimal(row["bid"]) if row["bid"] else None,
                    bid_size=Decimal(row["bid_size"]),
                    ask=Decimal(row["ask"]) if row["ask"] else None,
                    ask_size=Decimal(row["ask_size"]),
                ),
            )


@pytest.mark.parametrize(("underlying", "day", "price"), DAYS)
def test_a_recorded_day_of_quotes_is_traded_on(underlying: str, day: str, price: str) -> None:
    path = DATA / f"{underlying}_{day.replace('-', '')}_quote.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there: the day of recorded quotes is not tried")
    rows = list(recorded(path, underlying))
    contracts = {contract.symbol: contract for contract, _ in rows}
    opens, closes = instant(f"{day}T09:30:00"), instant(f"{day}T16:00:00")
    exchange = Exchange(
        Settings(
            start=Instant(opens - 2 * MINUTE),
            listings=(
                Listing(symbol=underlying, tick=Decimal("0.01"), lot=Decimal(1)),
                *map(option_listing, contracts.values()),
            ),
            accounts=(AccountOpening(name="a", cash=Decimal(1_000_000), shorting=False, options_level=3),),
            sessions=(Session(date=day, open=opens, close=closes),),
            fees=FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0)),
            market_reserve_percent=3,
        )
    )
    only = Decimal(price)
    exchange.handle(
        BarSeen(
            symbol=underlying,
            start=Instant(opens - 2 * MINUTE),
            end=Instant(opens - MINUTE),
            open=only,
            high=only,
            low=only,
            close=only,
            volume=Decimal(1),
        )
    )
    orders = []
    wanted = sorted(contracts)[:: len(contracts) // ORDERS + 1]
    for symbol in wanted:
        asked = Submission(
            client_order_id=None,
            symbol=symbol,
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.DAY,
            quantity=Decimal(1),
            limit_price=Decimal(1),
        )
        order = exchange.handle(OrderSubmitted(account="a", submission=asked)).order
        assert order is not None
        orders.append(order.id)
    calls = sorted(each.symbol for each in contracts.values() if each.right is Right.CALL)[:2]
    spread = PackageSubmission(
        client_order_id=None,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(1),
        limit_price=Decimal(50),
        legs=tuple(
            OptionLeg(symbol=symbol, side=side, ratio=Decimal(1))
            for symbol, side in zip(calls, Side, strict=True)
        ),
    )
    whole = exchange.handle(PackageSubmitted(account="a", submission=spread)).order
    assert whole is not None
    cheap = set()
    for _, seen in rows:
        assert exchange.handle(seen).applied
        is_cheap = seen.ask is not None and seen.ask_size > 0 and seen.ask <= 1
        if seen.time < closes and is_cheap and seen.symbol in wanted:
            cheap.add(seen.symbol)
    filled = {
        exchange.books.orders[each].symbol
        for each in orders
        if exchange.books.orders[each].status is Status.FILLED
    }
    assert filled == cheap
    assert cheap
    assert exchange.books.orders[whole.id].status is Status.FILLED
    exchange.handle(WatermarkSeen(time=Instant(closes + MINUTE)))
    assert not exchange.books.open_of("a")
    assert exchange.books.ledger.cash("a") >= 0
