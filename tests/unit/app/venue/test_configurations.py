"""What an account's owner may set, and which orders are refused because of it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.configurations import changed, first_configurations
from agenttrader.app.venue.requests import Unsupported
from agenttrader.protocols.alpaca_account import ConfigurationsChange
from agenttrader.protocols.alpaca_trading import decode_new_order, decode_replacement
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.testing.small_venue import COIN, FIRST, SECOND, SmallVenue

OPENING = AccountOpening(name="a", cash=Decimal(1), shorting=False)


def submit(venue: SmallVenue, account: str = SECOND, **changes: Any) -> None:
    fields = {"symbol": "BRVO", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"}
    venue.desk.submit(account, decode_new_order(msgspec.json.encode(fields | changes)))


def replace(venue: SmallVenue, order_id: str, **changes: Any) -> None:
    venue.desk.replace(SECOND, order_id, decode_replacement(msgspec.json.encode(changes)))


def configure(venue: SmallVenue, **settings: Any) -> None:
    venue.desk.owner.configure(SECOND, ConfigurationsChange(**settings))


@pytest.fixture
def venue() -> SmallVenue:
    venue = SmallVenue()
    venue.bar(100, symbol="BRVO")
    return venue


def test_what_is_not_given_stays() -> None:
    first = first_configurations(OPENING)
    assert changed(first, ConfigurationsChange()) == first
    second = changed(first, ConfigurationsChange(suspend_trade=True))
    assert second.suspend_trade
    assert changed(second, ConfigurationsChange(no_shorting=True)).suspend_trade


@pytest.mark.parametrize(
    "setting",
    (
        {"trade_confirm_email": "all"},
        {"max_margin_multiplier": "4"},
        {"pdt_check": "exit"},
        {"dtbp_check": "both"},
        {"max_options_trading_level": 2},
        {"ptp_no_exception_entry": True},
        {"disable_overnight_trading": False},
    ),
)
def test_a_setting_that_binds_nothing_here_has_one_value(setting: dict[str, Any]) -> None:
    first = first_configurations(OPENING)
    with pytest.raises(Unsupported, match="not supported by this venue yet: "):
        changed(first, ConfigurationsChange(**setting))
    ((name, _),) = setting.items()
    assert changed(first, ConfigurationsChange(**{name: getattr(first, name)})) == first


def test_a_suspended_account_sends_nothing_new_and_still_cancels(venue: SmallVenue) -> None:
    submit(venue, type="limit", limit_price=50)
    submit(venue)
    venue.bar(100, symbol="BRVO")
    configure(venue, suspend_trade=True)
    for act in (lambda: submit(venue), lambda: venue.desk.close(SECOND, "BRVO", None)):
        with pytest.raises(Refused, match="new orders are rejected by user request") as refused:
            act()
        assert (refused.value.status, refused.value.error.code) == (403, 40310000)
    assert venue.desk.account(SECOND).trade_suspended_by_user is True
    assert [line.status for line in venue.desk.cancel_all(SECOND)] == [200]
    submit(venue, FIRST)
    configure(venue, suspend_trade=False)
    submit(venue)


def test_no_shorting_refuses_what_opens_short_and_nothing_else(venue: SmallVenue) -> None:
    assert venue.desk.account(SECOND).shorting_enabled is True
    configure(venue, no_shorting=True)
    assert venue.desk.account(SECOND).shorting_enabled is False
    with pytest.raises(Refused, match="account is not allowed to short"):
        submit(venue, side="sell")
    submit(venue)
    venue.bar(100, symbol="BRVO")
    submit(venue, side="sell")
    venue.bar(100, symbol="BRVO")
    configure(venue, no_shorting=False)
    submit(venue, side="sell")


def test_a_replacement_is_an_order_too(venue: SmallVenue) -> None:
    resting = {"type": "limit", "time_in_force": "gtc"}
    exits: dict[str, Any] = {"take_profit": {"limit_price": 200}, "stop_loss": {"stop_price": 20}}
    submit(venue, **resting, limit_price=50, order_class="bracket", **exits)
    submit(venue, **resting, limit_price=150, side="sell", symbol="ALFA")
    submit(venue, type="limit", limit_price=50, qty="1.5")
    books = venue.desk.exchange.books
    _, target, _, sale, part = [each.id for each in books.open_of(SECOND)]
    assert books.orders[sale].symbol == "ALFA"
    configure(venue, no_shorting=True, fractional_trading=False)
    with pytest.raises(Refused, match="account is not allowed to short"):
        replace(venue, sale, limit_price=151)
    with pytest.raises(Refused, match="not allowed to trade fractions"):
        replace(venue, part, limit_price=51)
    replace(venue, target, limit_price=201)
    with pytest.raises(Refused, match="order not found for nobody's"):
        replace(venue, "nobody's", limit_price=51)
    configure(venue, suspend_trade=True)
    with pytest.raises(Refused, match="new orders are rejected by user request"):
        replace(venue, books.orders[target].replaced_by or "", limit_price=202)


@pytest.mark.parametrize("changes", ({"qty": 1.5}, {"qty": None, "notional": 50}))
def test_fractions_are_refused_where_they_are_unset(venue: SmallVenue, changes: dict[str, Any]) -> None:
    configure(venue, fractional_trading=False)
    with pytest.raises(Refused, match="not allowed to trade fractions"):
        submit(venue, **changes)
    submit(venue)


def test_coins_have_no_whole(venue: SmallVenue) -> None:
    venue.bar(50_000, symbol=COIN)
    configure(venue, fractional_trading=False)
    submit(venue, symbol=COIN, qty="0.5", type="limit", limit_price=100, time_in_force="gtc")
