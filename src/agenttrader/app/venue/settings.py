"""The venue that a configuration describes: its accounts, what it lists, its sessions, fees and rules."""

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from agenttrader.app.config import Configuration
from agenttrader.app.new_york import at, day_of
from agenttrader.app.option_chains import VenueOptions
from agenttrader.app.venue.keys import VenueKey
from agenttrader.app.venue.rate_limit import RateLimit
from agenttrader.app.venue_rules import VenueRules
from agenttrader.app.venue_sections import Venue, VenueAccount
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.instruments import CryptoPair, Equity
from agenttrader.model.sessions import Calendar
from agenttrader.model.sessions import Session as TradingSession
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Habits, Session, Settings
from agenttrader.simulation.listings import AssetClass, Listing, option_listing

MARKET_RESERVE_PERCENT = 3
"""Set aside above the last price for an order without one (docs.alpaca.markets, Buying Power)."""

PLAIN = VenueRules(
    multiplier=1,
    day_trade_rule=False,
    settled_cash=False,
    wash_trade_rule=False,
    volume_percent="any",
    pending_seconds="none",
    late_fees=False,
    done_for_day=False,
    requests_per_minute_max="any",
    cat_rate=Decimal(0),
    crypto_maker_rate=Decimal(0),
    crypto_taker_rate=Decimal(0),
    margin_rate=Decimal(0),
    easy_borrow_rate=Decimal(0),
    hard_borrow_rate=Decimal(0),
)
"""Of a venue whose configuration has no table of rules."""
EARLY_HOUR = 4
LATE_MINUTES = 4 * 60
"""Extended hours are from 04:00 in New York to four hours after the close (docs.alpaca.markets)."""
NEW_YORKS = frozenset({"XNYS", "XNAS"})
"""The calendars of exchanges with those hours."""


def venue_settings(configuration: Configuration, calendar: Calendar) -> Settings:
    """The venue as it begins at the open of the configured day.

    It lists every share and pair of coins of [instruments], and the options of [venue.options]; an order in
    anything else is refused. Raises ConfigurationError where the day is no session, an instrument cannot be
    traded exactly, or options expire on no session that the calendar knows.
    """
    try:
        return _settings(configuration, calendar)
    except BadValue as error:
        raise ConfigurationError(f"[venue] {error}") from error


def venue_keys(configuration: Configuration) -> dict[str, VenueKey]:
    """The keys of [[venue.accounts]], by their ids."""
    return {
        key_id: VenueKey(secret_sha256=secret_sha256, account=account.name)
        for account in configuration.venue.accounts
        for key_id, secret_sha256 in account.all_keys()
    }


def venue_rate_limit(configuration: Configuration, now: Callable[[], Instant]) -> RateLimit:
    """How many requests a key may make in a minute of the wall clock, which `now` tells."""
    most = _rules(configuration).requests_per_minute_max
    return RateLimit(None if most == "any" else most, now)


def _settings(configuration: Configuration, calendar: Calendar) -> Settings:
    venue, rules, day = configuration.venue, _rules(configuration), configuration.marketdata.date
    session = calendar.on(day)
    if session is None:
        raise BadValue(f"date: expected a session of {calendar.name}, found {day}, when it is closed")
    options = venue.options
    chains = () if options is None else options.chains
    return Settings(
        start=session.open,
        listings=(
            *[
                _listing(instrument)
                for instrument in configuration.instruments.values()
                if isinstance(instrument, Equity | CryptoPair)
            ],
            *[option_listing(contract) for chain in chains for contract in chain.contracts],
        ),
        accounts=tuple(_opening(account, venue, rules) for account in venue.accounts),
        sessions=tuple(
            _session(each, calendar.name) for each in calendar.sessions if each.open >= session.open
        ),
        fees=_fees(configuration, rules, options),
        market_reserve_percent=MARKET_RESERVE_PERCENT,
        volume_percent=0 if rules.volume_percent == "any" else rules.volume_percent,
        habits=Habits(
            pending_seconds=0 if rules.pending_seconds == "none" else rules.pending_seconds,
            late_fees=rules.late_fees,
            done_for_day=rules.done_for_day,
        ),
        quoting=tuple(chain.rule for chain in chains),
    )


def _rules(configuration: Configuration) -> VenueRules:
    return configuration.venue.rules or PLAIN


def _opening(account: VenueAccount, venue: Venue, rules: VenueRules) -> AccountOpening:
    return AccountOpening(
        name=account.name,
        cash=account.cash,
        shorting=venue.shorting,
        multiplier=rules.multiplier,
        day_trade_rule=rules.day_trade_rule,
        settled_cash=rules.settled_cash,
        wash_trade_rule=rules.wash_trade_rule,
        options_level=0 if venue.options is None else venue.options.level,
    )


def _session(session: TradingSession, calendar: str) -> Session:
    """A trading day with the hours around it, where its exchange has them."""
    plain = Session(date=session.date, open=session.open, close=session.close)
    if calendar not in NEW_YORKS:
        return plain
    return Session(
        date=session.date,
        open=session.open,
        close=session.close,
        early_open=at(day_of(session.open), EARLY_HOUR),
        late_close=Instant(session.close + LATE_MINUTES * MINUTE),
    )


def _fees(configuration: Configuration, rules: VenueRules, options: VenueOptions | None) -> FeeSchedule:
    fees = configuration.account.fees
    schedule = FeeSchedule(
        sec_rate=fees.sec_rate,
        taf_rate=fees.taf_rate,
        taf_cap=fees.taf_cap,
        cat_rate=rules.cat_rate,
        crypto_maker_rate=rules.crypto_maker_rate,
        crypto_taker_rate=rules.crypto_taker_rate,
        margin_rate=rules.margin_rate,
        easy_borrow_rate=rules.easy_borrow_rate,
        hard_borrow_rate=rules.hard_borrow_rate,
    )
    if options is None:
        return schedule
    return replace(
        schedule,
        option_orf_rate=options.orf_rate,
        option_occ_rate=options.occ_rate,
        option_occ_cap=options.occ_cap,
        option_taf_rate=options.taf_rate,
    )


def _listing(instrument: Equity | CryptoPair) -> Listing:
    """A share with a lot below one is one that can be had in fractions; a coin always is."""
    if instrument.multiplier != 1:
        raise BadValue(f"{instrument.symbol}.multiplier: expected 1, found {instrument.multiplier}")
    if isinstance(instrument, CryptoPair):
        return Listing(
            symbol=instrument.symbol,
            tick=instrument.tick,
            lot=instrument.lot,
            asset_class=AssetClass.CRYPTO,
            fractionable=True,
            shortable=False,
            easy_to_borrow=False,
            marginable=False,
        )
    is_fractionable = instrument.lot < 1
    lot = Decimal(1) if is_fractionable else instrument.lot
    return Listing(symbol=instrument.symbol, tick=instrument.tick, lot=lot, fractionable=is_fractionable)
