"""What an account holds and may do, in Alpaca's words."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.model.times import MINUTE, Instant
from agenttrader.protocols.alpaca_account import ConfigurationsChange
from agenttrader.protocols.alpaca_trading import Position, decode_new_order
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.testing.small_venue import CASH, CLOSE, COIN, NEXT_OPEN, SECOND, SmallVenue, small_settings


def submit(venue: SmallVenue, **changes: Any) -> None:
    fields = {"symbol": "ALFA", "qty": 10, "side": "buy", "type": "market", "time_in_force": "gtc"}
    venue.desk.submit(SECOND, decode_new_order(msgspec.json.encode(fields | changes)))


def texts(told: Position, *names: str) -> list[str]:
    return [str(getattr(told, name)) for name in names]


def test_a_short_holding_is_told_with_its_signs(venue: SmallVenue) -> None:
    venue.bar(100)
    submit(venue, side="sell")
    venue.bar(100)
    venue.bar(104)
    told = venue.desk.position(SECOND, "ALFA")
    assert texts(told, "side", "qty", "qty_available") == ["short", "-10", "-10"]
    assert texts(told, "avg_entry_price", "cost_basis", "market_value") == ["100.00", "-1000.00", "-1040.00"]
    assert texts(told, "unrealized_pl", "unrealized_plpc") == ["-40.00", "-0.040000"]
    assert texts(told, "current_price", "lastday_price", "change_today") == ["104.00", "None", "None"]


def test_what_an_order_holds_back_is_not_available(venue: SmallVenue) -> None:
    venue.bar(100)
    submit(venue)
    venue.bar(100)
    submit(venue, side="sell", qty=4, type="limit", limit_price="110")
    assert texts(venue.desk.position(SECOND, "ALFA"), "qty", "qty_available") == ["10", "6"]


@pytest.mark.parametrize(
    ("then", "gained"),
    (
        # Ten held at 110 over the night, now at 120.
        (None, "100.00"),
        # Ten more at 120: they cost 115 in the mean, and are five above it.
        ({"qty": 10}, "150.00"),
        ({"qty": 4, "side": "sell"}, "60.00"),
    ),
)
def test_today_is_held_against_the_last_close(
    venue: SmallVenue, then: dict[str, Any] | None, gained: str
) -> None:
    venue.bar(110)
    submit(venue)
    venue.bar(110)
    venue.pass_to(CLOSE)
    venue.bar_at(NEXT_OPEN, 120)
    if then is not None:
        submit(venue, **then)
        venue.bar_at(Instant(NEXT_OPEN + MINUTE), 120)
    told = venue.desk.position(SECOND, "ALFA")
    assert texts(told, "lastday_price", "change_today") == ["110.00", "0.090909"]
    assert texts(told, "unrealized_intraday_pl") == [gained]


def test_a_coin_is_told_by_its_position_s_name(venue: SmallVenue) -> None:
    venue.bar(100, symbol=COIN)
    submit(venue, symbol=COIN, qty=2)
    venue.bar(100, symbol=COIN)
    told = venue.desk.position(SECOND, COIN)
    assert texts(told, "symbol", "asset_class", "qty") == ["BTCUSD", "crypto", "2.000000000"]
    assert told.asset_marginable is False


def test_what_the_owner_gives_up_is_not_enabled(venue: SmallVenue) -> None:
    assert venue.desk.account(SECOND).shorting_enabled
    venue.desk.owner.configure(SECOND, ConfigurationsChange(no_shorting=True, suspend_trade=True))
    told = venue.desk.account(SECOND)
    assert (told.shorting_enabled, told.trade_suspended_by_user) == (False, True)


@pytest.mark.parametrize(("multiplier", "powers"), ((1, (1, 1, 0, 1)), (2, (2, 2, 0, 1)), (4, (4, 2, 4, 1))))
def test_buying_power_follows_the_multiplier(multiplier: int, powers: tuple[int, ...]) -> None:
    opening = AccountOpening(name=SECOND, cash=CASH, shorting=True, multiplier=multiplier)
    told = SmallVenue(small_settings(accounts=(opening,))).desk.account(SECOND)
    found = (
        told.buying_power,
        told.regt_buying_power,
        told.daytrading_buying_power,
        told.non_marginable_buying_power,
    )
    assert found == tuple(power * CASH for power in powers)
    assert told.multiplier == Decimal(multiplier)
    assert told.pattern_day_trader is (multiplier == 4)
