"""What an Alpaca account is besides its orders, as pure translation: configurations, history, watchlists.

What a client asks is read strictly and what a broker answers tolerantly, as in `alpaca_trading`. Source:
docs.alpaca.markets (Account Configurations, Portfolio History, Watchlists) and alpaca-py 0.44, which is this
module's oracle.
"""

from decimal import Decimal

import msgspec

from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_market import Asset
from agenttrader.protocols.alpaca_trading import Answer, Request

WATCHLIST_NAME_LENGTH_MAX = 64


class Configurations(Answer, frozen=True, kw_only=True):
    """How an account may be used, as its owner has set it."""

    dtbp_check: str
    fractional_trading: bool
    max_margin_multiplier: str
    no_shorting: bool
    pdt_check: str
    suspend_trade: bool
    trade_confirm_email: str
    ptp_no_exception_entry: bool
    max_options_trading_level: int
    disable_overnight_trading: bool


class ConfigurationsChange(Request, frozen=True, kw_only=True):
    """What `PATCH /v2/account/configurations` takes; what is not given stays as it is."""

    dtbp_check: str | None = None
    fractional_trading: bool | None = None
    max_margin_multiplier: str | None = None
    no_shorting: bool | None = None
    pdt_check: str | None = None
    suspend_trade: bool | None = None
    trade_confirm_email: str | None = None
    ptp_no_exception_entry: bool | None = None
    max_options_trading_level: int | None = None
    disable_overnight_trading: bool | None = None


class PortfolioHistory(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """What an account was worth: columns of equal length, one place for each window of `timeframe`.

    `timestamp` is the second (since 1970) at which the window begins, `equity` what the account was worth at
    its end. Numbers are JSON numbers here, unlike everywhere else.
    """

    timestamp: tuple[int, ...]
    equity: tuple[Decimal, ...]
    profit_loss: tuple[Decimal, ...]
    profit_loss_pct: tuple[Decimal, ...]
    base_value: Decimal
    timeframe: str
    base_value_asof: str | None = None
    """The trading day at whose close the account was worth `base_value`; not told of a new account."""
    cashflow: dict[str, tuple[Decimal, ...]] | None = None


class Watchlist(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """A named list of assets; a list of watchlists is told without them."""

    id: str
    account_id: str
    created_at: str
    updated_at: str
    name: str
    assets: tuple[Asset, ...] | None = None


class WatchlistWish(Request, frozen=True, kw_only=True):
    """What a new watchlist holds, or what an old one shall: `None` leaves the name or the symbols alone."""

    name: str | None = None
    symbols: tuple[str, ...] | None = None


class WatchlistAddition(Request, frozen=True, kw_only=True):
    """One more symbol for a watchlist."""

    symbol: str


_number_encoder = msgspec.json.Encoder(decimal_format="number")


def encode_history(history: PortfolioHistory) -> bytes:
    """The history as JSON, its Decimals as numbers of their own digits."""
    return _number_encoder.encode(history)


def expect_watchlist_name(name: str) -> None:
    """Raises BadValue for a name that is empty or too long."""
    if not 1 <= len(name) <= WATCHLIST_NAME_LENGTH_MAX:
        raise BadValue(f"name: expected 1 to {WATCHLIST_NAME_LENGTH_MAX} characters, found {len(name)}")
