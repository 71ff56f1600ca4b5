"""The venue that a configuration describes: its accounts, what it lists, its sessions and fees."""

from agenttrader.app.config import Configuration
from agenttrader.app.venue.keys import VenueKey
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.instruments import Equity
from agenttrader.model.sessions import Calendar
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing

MARKET_RESERVE_PERCENT = 3
"""Set aside above the last price for an order without one (docs.alpaca.markets, Buying Power)."""


def venue_settings(configuration: Configuration, calendar: Calendar) -> Settings:
    """The venue as it begins at the open of the configured day.

    It lists every equity of [instruments]; an order in anything else is refused as not found. Raises
    ConfigurationError where the day is no session, or an instrument cannot be traded exactly.
    """
    try:
        return _settings(configuration, calendar)
    except BadValue as error:
        raise ConfigurationError(f"[venue] {error}") from error


def venue_keys(configuration: Configuration) -> dict[str, VenueKey]:
    """The keys of [[venue.accounts]], by their ids."""
    return {
        account.key_id: VenueKey(secret_sha256=account.secret_sha256, account=account.name)
        for account in configuration.venue.accounts
    }


def _settings(configuration: Configuration, calendar: Calendar) -> Settings:
    venue, fees, day = configuration.venue, configuration.account.fees, configuration.marketdata.date
    session = calendar.on(day)
    if session is None:
        raise BadValue(f"date: expected a session of {calendar.name}, found {day}, when it is closed")
    return Settings(
        start=session.open,
        listings=tuple(
            _listing(instrument)
            for instrument in configuration.instruments.values()
            if isinstance(instrument, Equity)
        ),
        accounts=tuple(
            AccountOpening(name=account.name, cash=account.cash, shorting=venue.shorting)
            for account in venue.accounts
        ),
        sessions=tuple(
            Session(date=each.date, open=each.open, close=each.close)
            for each in calendar.sessions
            if each.open >= session.open
        ),
        fees=FeeSchedule(sec_rate=fees.sec_rate, taf_rate=fees.taf_rate, taf_cap=fees.taf_cap),
        market_reserve_percent=MARKET_RESERVE_PERCENT,
    )


def _listing(equity: Equity) -> Listing:
    if equity.multiplier != 1:
        raise BadValue(f"{equity.symbol}.multiplier: expected 1 for an equity, found {equity.multiplier}")
    return Listing(symbol=equity.symbol, tick=equity.tick, lot=equity.lot)
