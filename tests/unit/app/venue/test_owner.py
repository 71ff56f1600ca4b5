"""What an account's owner asks besides trading, and that it outlives the venue's process."""

from pathlib import Path

import pytest

from agenttrader.adapters.venue_log import VenueLog
from agenttrader.app.venue import watchlists
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.owner import Owner
from agenttrader.model.errors import BadValue
from agenttrader.protocols.alpaca_account import ConfigurationsChange, Watchlist, WatchlistWish
from agenttrader.testing.small_venue import COIN, FIRST, SECOND, SmallVenue


@pytest.fixture
def owner(venue: SmallVenue) -> Owner:
    return venue.desk.owner


def symbols(watchlist: Watchlist) -> list[str]:
    return [asset.symbol for asset in watchlist.assets or ()]


def test_a_watchlist_from_its_making_to_its_end(owner: Owner) -> None:
    made = owner.make_watchlist(FIRST, WatchlistWish(name="mine", symbols=("BRVO", "ALFA", "BRVO")))
    assert (made.name, symbols(made)) == ("mine", ["BRVO", "ALFA"])
    assert symbols(owner.add_to_watchlist(FIRST, made.id, "BTCUSD")) == ["BRVO", "ALFA", COIN]
    assert symbols(owner.take_off_watchlist(FIRST, made.id, "BRVO")) == ["ALFA", COIN]
    renamed = owner.edit_watchlist(FIRST, made.id, WatchlistWish(name="ours"))
    assert (renamed.name, symbols(renamed), renamed.id) == ("ours", ["ALFA", COIN], made.id)
    (listed,) = owner.watchlists(FIRST)
    assert (listed.id, listed.assets) == (made.id, None)
    owner.drop_watchlist(FIRST, made.id)
    with pytest.raises(Refused, match="watchlist not found"):
        owner.watchlist(FIRST, made.id)
    assert owner.make_watchlist(FIRST, WatchlistWish(name="mine")).id != made.id


def test_watchlists_are_their_accounts_own(owner: Owner) -> None:
    made = owner.make_watchlist(FIRST, WatchlistWish(name="mine"))
    assert owner.watchlists(SECOND) == []
    with pytest.raises(Refused) as hidden:
        owner.watchlist(SECOND, made.id)
    assert hidden.value.status == 404
    owner.make_watchlist(SECOND, WatchlistWish(name="mine"))


@pytest.mark.parametrize(
    ("wish", "error", "found"),
    (
        (WatchlistWish(symbols=()), BadValue, "name: expected one for a new watchlist"),
        (WatchlistWish(name=""), BadValue, "name: expected 1 to 64 characters, found 0"),
        (WatchlistWish(name="x" * 65), BadValue, "found 65"),
        (WatchlistWish(name="mine"), BadValue, "name: expected one that the account has not used"),
        (WatchlistWish(name="y", symbols=("ZZZZ",)), Refused, "asset not found for ZZZZ"),
    ),
)
def test_a_watchlist_that_cannot_be_is_refused(
    owner: Owner, wish: WatchlistWish, error: type[Exception], found: str
) -> None:
    owner.make_watchlist(FIRST, WatchlistWish(name="mine"))
    with pytest.raises(error, match=found):
        owner.make_watchlist(FIRST, wish)
    assert len(owner.watchlists(FIRST)) == 1


def test_what_is_not_in_a_watchlist_cannot_be_taken_off(owner: Owner) -> None:
    made = owner.make_watchlist(FIRST, WatchlistWish(name="mine"))
    with pytest.raises(Refused, match="asset not found for ALFA in this watchlist"):
        owner.take_off_watchlist(FIRST, made.id, "ALFA")


def test_an_account_keeps_so_many_watchlists(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlists, "WATCHLISTS_MAX", 1)
    owner.make_watchlist(FIRST, WatchlistWish(name="one"))
    with pytest.raises(BadValue, match="watchlists: expected at most 1 in an account"):
        owner.make_watchlist(FIRST, WatchlistWish(name="two"))


def test_what_is_filed_comes_back_with_the_venue(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    owner = SmallVenue(log=log).desk.owner
    first = owner.make_watchlist(FIRST, WatchlistWish(name="mine", symbols=("ALFA",)))
    owner.add_to_watchlist(FIRST, first.id, "BRVO")
    second = owner.make_watchlist(FIRST, WatchlistWish(name="gone"))
    owner.drop_watchlist(FIRST, second.id)
    owner.configure(SECOND, ConfigurationsChange(suspend_trade=True))
    owner.configure(SECOND, ConfigurationsChange(suspend_trade=True))
    assert len(list(log.read())) == 1 + 5  # what changes nothing is not written
    again = SmallVenue(log=log).desk.owner
    assert again.watchlists(FIRST) == owner.watchlists(FIRST)
    assert again.watchlist(FIRST, first.id) == owner.watchlist(FIRST, first.id)
    assert again.configurations(SECOND) == owner.configurations(SECOND)
    assert again.make_watchlist(FIRST, WatchlistWish(name="new")) == owner.make_watchlist(
        FIRST, WatchlistWish(name="new")
    )
    log.close()
