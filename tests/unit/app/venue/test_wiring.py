"""A venue over several days: one log, whose first day it goes on from, and what happens in between."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.venue_log import VenueLog
from agenttrader.app.config import Configuration
from agenttrader.app.demo.setup import Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.wiring import VenueParts, wire_venue
from agenttrader.app.venue_sections import VenueSplit
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import MINUTE, Instant
from agenttrader.protocols.alpaca_trading import NewOrder
from agenttrader.simulation.inputs import BarSeen, HaltSeen, SplitPosted, WatermarkSeen

FRIDAY, MONDAY = "2026-11-20", "2026-11-23"
ACCOUNT = "DEMO-1"
ALFA = Symbol("ALFA")
SPLIT = VenueSplit(symbol=ALFA, date=MONDAY, new_rate=Decimal(7), old_rate=Decimal(1))


@pytest.fixture
def made(tmp_path: Path) -> Configuration:
    return prepare(tmp_path, Wish(date=FRIDAY), maker(), Instant(0)).configuration


def on(configuration: Configuration, day: str, *splits: VenueSplit) -> Configuration:
    market = msgspec.structs.replace(configuration.marketdata, date=day)
    venue = msgspec.structs.replace(configuration.venue, splits=splits)
    return msgspec.structs.replace(configuration, marketdata=market, venue=venue)


def wired(configuration: Configuration) -> VenueParts:
    return wire_venue(configuration, Announcements(configuration.folder / "announcements"))


def end(desk: Desk) -> None:
    """Let go of the log, as a process that ends does."""
    log = desk.record._log
    assert isinstance(log, VenueLog)
    log.close()


def buy(desk: Desk, quantity: int, price: str) -> None:
    """Hold some at a price, from the session's open on, until its close has passed."""
    session = desk.exchange.settings.sessions[0]
    bar_end = Instant(session.open + MINUTE)
    value = Decimal(price)
    desk.apply(HaltSeen(symbol=ALFA, time=session.open, halted=False))
    desk.apply(WatermarkSeen(time=session.open))
    for start in (session.open, bar_end):
        bar = BarSeen(
            symbol=ALFA,
            start=start,
            end=Instant(start + MINUTE),
            open=value,
            high=value,
            low=value,
            close=value,
            volume=Decimal(100_000),
        )
        desk.apply(bar)
        desk.apply(WatermarkSeen(time=bar.end))
        if start == session.open:
            order = NewOrder(
                symbol=ALFA, qty=Decimal(quantity), side="buy", type="market", time_in_force="day"
            )
            desk.submit(ACCOUNT, order)
    desk.apply(WatermarkSeen(time=session.close))


def test_a_venue_goes_on_from_the_first_day_of_its_log(made: Configuration) -> None:
    friday = wired(on(made, FRIDAY)).desk
    buy(friday, 20, "64.70")
    end(friday)
    monday = wired(on(made, MONDAY)).desk
    assert monday.exchange.settings == friday.exchange.settings
    assert monday.positions(ACCOUNT) == friday.positions(ACCOUNT)
    assert [position.qty for position in monday.positions(ACCOUNT)] == [Decimal(20)]


def test_a_split_is_made_once_on_its_morning_and_posted(made: Configuration) -> None:
    friday = wired(on(made, FRIDAY, SPLIT)).desk
    buy(friday, 20, "64.70")
    assert friday.position(ACCOUNT, ALFA).qty == 20
    end(friday)
    for _ in range(2):
        monday = wired(on(made, MONDAY, SPLIT)).desk
        position = monday.position(ACCOUNT, ALFA)
        assert position.qty == 140
        assert position.cost_basis == 20 * Decimal("64.70")
        posted = [each for each in monday.exchange.activities[ACCOUNT] if isinstance(each, SplitPosted)]
        assert [(each.lots_before, each.lots_after) for each in posted] == [(20, 140)]
        end(monday)


def test_a_split_of_the_first_day_is_past(made: Configuration) -> None:
    early = msgspec.structs.replace(SPLIT, date=FRIDAY)
    assert not wired(on(made, FRIDAY, early)).desk.record.corporate_actions


def test_a_day_beyond_the_sessions_of_the_log_is_refused(made: Configuration) -> None:
    end(wired(on(made, FRIDAY)).desk)
    with pytest.raises(ConfigurationError, match=r"a session that the venue knew when its log began.*2027"):
        wired(on(made, "2027-01-04"))


def test_a_day_before_the_log_is_another_venue(made: Configuration) -> None:
    end(wired(on(made, MONDAY)).desk)
    with pytest.raises(ConfigurationError, match="expected a log that began with these accounts"):
        wired(on(made, FRIDAY))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    (
        ("date", "2026-13-01", "expected a day as YYYY-MM-DD"),
        ("new_rate", Decimal(0), "expected rates above 0"),
        ("old_rate", Decimal(-1), "old_rate: expected 0 or more"),
    ),
)
def test_a_split_that_is_none_is_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({**msgspec.structs.asdict(SPLIT), name: value}, VenueSplit)
