"""Corporate actions as clients look for them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.adapters.venue_log import VenueLog
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_market import Announcement
from agenttrader.protocols.alpaca_trading import decode_new_order
from agenttrader.simulation.inputs import CorporateActionKind, CorporateActionSeen
from agenttrader.testing.small_venue import CLOSE, FIRST, NEXT_OPEN, SmallVenue

SPLIT = CorporateActionSeen(
    symbol="ALFA", time=NEXT_OPEN, kind=CorporateActionKind.SPLIT, new_rate=Decimal(7), old_rate=Decimal(1)
)
DIVIDEND = CorporateActionSeen(
    symbol="BRVO", time=NEXT_OPEN, kind=CorporateActionKind.CASH_DIVIDEND, cash=Decimal("0.5")
)
ALL = {"ca_types": "split,dividend", "since": "2026-11-01", "until": "2026-11-30"}


def play(venue: SmallVenue) -> None:
    """Ten ALFA over the night, then the split and the dividend."""
    venue.bar(700)
    order = {"symbol": "ALFA", "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
    venue.desk.submit(FIRST, decode_new_order(msgspec.json.encode(order)))
    venue.bar(700)
    venue.pass_to(CLOSE)
    for action in (SPLIT, DIVIDEND):
        assert venue.desk.apply(action).applied


def told(venue: SmallVenue, **parameters: str) -> list[Announcement]:
    return venue.desk.announcements(Parameters((ALL | parameters).items()))


def test_what_the_venue_has_seen_is_told(venue: SmallVenue) -> None:
    assert told(venue) == []
    play(venue)
    split, dividend = told(venue)
    assert (split.ca_type, split.ca_sub_type, split.initiating_symbol) == ("split", "stock_split", "ALFA")
    assert (split.ex_date, str(split.new_rate), str(split.old_rate)) == ("2026-11-23", "7", "1")
    assert (dividend.ca_type, dividend.ca_sub_type, str(dividend.cash)) == ("dividend", "cash", "0.5")
    assert venue.desk.announcement(split.id) == split
    with pytest.raises(Refused, match="announcement not found for x"):
        venue.desk.announcement("x")


@pytest.mark.parametrize(
    ("parameters", "symbols"),
    (
        ({"ca_types": "Dividend"}, ["BRVO"]),
        ({"symbol": "ALFA"}, ["ALFA"]),
        ({"until": "2026-11-22"}, []),
        ({"date_type": "payable_date"}, ["ALFA", "BRVO"]),
        ({"date_type": "declaration_date"}, []),
        ({"cusip": "037833100"}, []),
    ),
)
def test_announcements_are_filtered(
    venue: SmallVenue, parameters: dict[str, str], symbols: list[str]
) -> None:
    play(venue)
    assert [each.initiating_symbol for each in told(venue, **parameters)] == symbols


@pytest.mark.parametrize(
    ("parameters", "found"),
    (
        ({"ca_types": ""}, "expected ca_types, since and until"),
        ({"ca_types": "party"}, "ca_types: expected dividend, merger, spinoff, split, found 'party'"),
        ({"since": "2026-08-01"}, "until: expected at most 90 days after 2026-08-01"),
        ({"until": "2026-10-01"}, "until: expected at most 90 days"),
    ),
)
def test_a_search_that_cannot_be_is_refused(
    venue: SmallVenue, parameters: dict[str, str], found: str
) -> None:
    with pytest.raises(BadValue, match=found):
        told(venue, **parameters)


def test_after_a_split_a_day_is_held_against_the_close_in_new_shares(venue: SmallVenue) -> None:
    play(venue)
    venue.bar_at(NEXT_OPEN, 101)
    position = venue.desk.position(FIRST, "ALFA")
    found: list[Any] = [position.qty, position.lastday_price, position.unrealized_intraday_pl]
    assert [str(each) for each in found] == ["70", "100.00", "70.00"]
    assert str(position.change_today) == "0.010000"


def test_a_venue_that_comes_back_remembers_them(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    venue = SmallVenue(log=log)
    play(venue)
    again = SmallVenue(log=log)
    assert told(again) == told(venue)
    assert again.desk.position(FIRST, "ALFA") == venue.desk.position(FIRST, "ALFA")
    log.close()
