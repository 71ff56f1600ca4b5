"""The venue that the demo's configuration describes, and those that no configuration may."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agenttrader.adapters.calendars import read_calendar
from agenttrader.app.config import Configuration
from agenttrader.app.demo.setup import Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.app.venue.settings import venue_keys, venue_settings
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Equity, Instrument, Option
from agenttrader.model.times import Instant, rfc3339

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
    (key,) = venue_keys(configuration).values()
    assert key.account == "DEMO-1"


def test_only_equities_are_listed(configuration: Configuration) -> None:
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
