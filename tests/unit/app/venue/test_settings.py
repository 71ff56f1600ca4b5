"""The venue that the demo's configuration describes, and those that no configuration may."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agenttrader.adapters.calendars import read_calendar
from agenttrader.app.config import Configuration
from agenttrader.app.demo.setup import Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.app.option_chains import OptionChain, VenueOptions
from agenttrader.app.venue.settings import venue_keys, venue_rate_limit, venue_settings
from agenttrader.app.venue_rules import VenueRules
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import CryptoPair, Equity, Instrument, Option
from agenttrader.model.times import Instant, from_rfc3339, rfc3339
from agenttrader.simulation.inputs import Habits

CALENDAR = read_calendar("XNYS", "2026-11-20", "2026-11-30")


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return prepare(tmp_path, Wish(date="2026-11-20"), maker(), Instant(0)).configuration


def with_instrument(configuration: Configuration, instrument: Instrument) -> Configuration:
    return msgspec.structs.replace(
        configuration, instruments={**configuration.instruments, instrument.symbol: instrument}
    )


def test_the_venue_begins_at_the_open_with_what_is_configured(configuration: Configuration) -> None:
    settings = venue_settings(configuration, CALENDAR)
    assert rfc3339(settings.start) == "2026-11-20T14:30:00Z"
    assert [rfc3339(session.close)[:16] for session in settings.sessions] == [
        "2026-11-20T21:00",
        "2026-11-23T21:00",
        "2026-11-24T21:00",
        "2026-11-25T21:00",
        "2026-11-27T18:00",
        "2026-11-30T21:00",
    ]
    assert {listing.symbol for listing in settings.listings} == set(configuration.instruments)
    (account,) = settings.accounts
    assert (account.name, account.cash, account.shorting) == ("DEMO-1", Decimal(250_000), False)
    assert settings.fees.taf_cap == configuration.account.fees.taf_cap
    keys = venue_keys(configuration)
    assert {name: key.account for name, key in keys.items()} == dict.fromkeys(keys, "DEMO-1")
    assert list(keys) == ["demo-account", "demo-kill"]


RULES = VenueRules(
    multiplier=2,
    day_trade_rule=True,
    settled_cash=False,
    wash_trade_rule=True,
    volume_percent=10,
    pending_seconds=30,
    late_fees=True,
    done_for_day=True,
    requests_per_minute_max=200,
    cat_rate=Decimal("0.0000265"),
    crypto_maker_rate=Decimal("0.0015"),
    crypto_taker_rate=Decimal("0.0025"),
    margin_rate=Decimal("0.0675"),
    easy_borrow_rate=Decimal(0),
    hard_borrow_rate=Decimal("0.15"),
)


def with_rules(configuration: Configuration, rules: VenueRules | None) -> Configuration:
    venue = msgspec.structs.replace(configuration.venue, rules=rules)
    return msgspec.structs.replace(configuration, venue=venue)


def test_without_a_table_of_rules_the_venue_is_plain(configuration: Configuration) -> None:
    plain = with_rules(configuration, None)
    settings = venue_settings(plain, CALENDAR)
    assert (settings.volume_percent, settings.habits) == (0, Habits())
    (account,) = settings.accounts
    assert (account.multiplier, account.day_trade_rule, account.wash_trade_rule) == (1, False, False)
    assert settings.fees.crypto_taker_rate == 0
    limit = venue_rate_limit(plain, lambda: Instant(0))
    assert [limit.take("key") for _ in range(1_000)] == [None] * 1_000


def test_rules_hold_the_accounts_and_make_the_venue_awkward(configuration: Configuration) -> None:
    ruled = with_rules(configuration, RULES)
    settings = venue_settings(ruled, CALENDAR)
    assert settings.volume_percent == 10
    assert settings.habits == Habits(pending_seconds=30, late_fees=True, done_for_day=True)
    (account,) = settings.accounts
    assert (account.multiplier, account.day_trade_rule, account.wash_trade_rule) == (2, True, True)
    assert (settings.fees.crypto_taker_rate, settings.fees.margin_rate) == (
        RULES.crypto_taker_rate,
        RULES.margin_rate,
    )
    allowance = venue_rate_limit(ruled, lambda: Instant(0)).take("key")
    assert allowance is not None
    assert allowance.limit == 200


def test_a_day_has_the_hours_around_it_that_its_exchange_has(configuration: Configuration) -> None:
    days = {each.date: each for each in venue_settings(configuration, CALENDAR).sessions}
    for date, early, late in (
        ("2026-11-20", "2026-11-20T09:00:00Z", "2026-11-21T01:00:00Z"),
        ("2026-11-27", "2026-11-27T09:00:00Z", "2026-11-27T22:00:00Z"),
    ):
        assert days[date].early_open == from_rfc3339(early)
        assert days[date].late_close == from_rfc3339(late)
    other = msgspec.structs.replace(CALENDAR, name="XLON")
    assert {each.early_open for each in venue_settings(configuration, other).sessions} == {None}


def test_coins_and_fractions_are_listed_as_such(configuration: Configuration) -> None:
    coin = CryptoPair(symbol=Symbol("BTC/USD"), tick=Decimal("0.01"), lot=Decimal("0.0001"))
    share = Equity(symbol=Symbol("FRAC"), tick=Decimal("0.01"), lot=Decimal("0.001"))
    both = with_instrument(with_instrument(configuration, coin), share)
    listings = {each.symbol: each for each in venue_settings(both, CALENDAR).listings}
    assert listings["BTC/USD"].is_coin
    assert listings["BTC/USD"].fractionable
    assert (listings["FRAC"].lot, listings["FRAC"].fractionable) == (Decimal(1), True)
    assert not listings["ALFA"].fractionable


def test_of_the_instruments_only_shares_and_coins_are_listed(configuration: Configuration) -> None:
    option = Option(
        symbol=Symbol("ALFA261218C00050000"),
        tick=Decimal("0.01"),
        lot=Decimal(1),
        multiplier=Decimal(100),
        underlying=Symbol("ALFA"),
        expiry="2026-12-18",
        strike=Decimal(50),
        right="call",
    )
    listed = venue_settings(with_instrument(configuration, option), CALENDAR).listings
    assert option.symbol not in {listing.symbol for listing in listed}


OPTIONS = VenueOptions(
    level=2,
    orf_rate=Decimal("0.02685"),
    occ_rate=Decimal("0.02"),
    occ_cap=Decimal(55),
    taf_rate=Decimal("0.00279"),
    chains=(
        OptionChain(
            underlying=Symbol("ALFA"),
            expirations=("2026-11-20", "2026-11-27"),
            strikes=(Decimal("47.5"), Decimal(50)),
            volatility=Decimal("0.4"),
            spread=Decimal("0.04"),
            size=10,
        ),
    ),
)


def with_options(configuration: Configuration, options: VenueOptions) -> Configuration:
    venue = msgspec.structs.replace(configuration.venue, options=options)
    return msgspec.structs.replace(configuration, venue=venue)


def test_options_are_listed_quoted_and_charged_as_configured(configuration: Configuration) -> None:
    plain, settings = (
        venue_settings(each, CALENDAR) for each in (configuration, with_options(configuration, OPTIONS))
    )
    assert not plain.quoting
    assert (plain.accounts[0].options_level, plain.fees.option_orf_rate) == (0, Decimal(0))
    listed = [listing.symbol for listing in settings.listings if listing.is_option]
    assert len(listed) == 8
    assert "ALFA261127P00047500" in listed
    assert settings.accounts[0].options_level == 2
    assert settings.quoting == (OPTIONS.chains[0].rule,)
    assert (settings.fees.option_orf_rate, settings.fees.option_taf_rate) == (
        OPTIONS.orf_rate,
        OPTIONS.taf_rate,
    )
    assert (settings.fees.option_occ_rate, settings.fees.option_occ_cap) == (
        OPTIONS.occ_rate,
        OPTIONS.occ_cap,
    )


def test_options_that_expire_on_no_session_that_is_known_are_refused(configuration: Configuration) -> None:
    for day in ("2026-11-26", "2027-01-15"):
        chain = msgspec.structs.replace(OPTIONS.chains[0], expirations=(day,))
        other = with_options(configuration, msgspec.structs.replace(OPTIONS, chains=(chain,)))
        with pytest.raises(ConfigurationError, match=f"expected it to expire on .* session .*, found {day}"):
            venue_settings(other, CALENDAR)


@pytest.mark.parametrize(
    ("step", "found"),
    (
        ({"tick": Decimal("0.0000001")}, r"\[venue\] NEW.tick: expected a multiple"),
        ({"multiplier": Decimal(2)}, r"\[venue\] NEW.multiplier: expected 1"),
    ),
)
def test_an_instrument_that_cannot_be_traded_exactly_is_refused(
    configuration: Configuration, step: dict[str, Decimal], found: str
) -> None:
    equity = Equity(**({"symbol": "NEW", "tick": Decimal("0.01"), "lot": Decimal(1)} | step))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=found):
        venue_settings(with_instrument(configuration, equity), CALENDAR)


def test_a_day_without_a_session_is_refused(configuration: Configuration) -> None:
    market = msgspec.structs.replace(configuration.marketdata, date="2026-11-26")
    with pytest.raises(ConfigurationError, match="expected a session of XNYS, found 2026-11-26"):
        venue_settings(msgspec.structs.replace(configuration, marketdata=market), CALENDAR)
