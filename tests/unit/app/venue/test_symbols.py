"""The ways in which a client may name what is listed."""

import pytest

from agenttrader.app.venue.symbols import Symbols, asset_id, position_symbol
from agenttrader.testing.small_venue import COIN, small_settings

LISTINGS = {listing.symbol: listing for listing in small_settings().listings}


@pytest.mark.parametrize("symbol", LISTINGS)
def test_a_listing_is_meant_by_each_of_its_names(symbol: str) -> None:
    symbols = Symbols(LISTINGS.values())
    for name in (symbol, asset_id(symbol), position_symbol(LISTINGS[symbol])):
        assert symbols.meant(name) == symbol


def test_a_position_in_coins_has_no_slash() -> None:
    assert position_symbol(LISTINGS[COIN]) == "BTCUSD"
    assert position_symbol(LISTINGS["ALFA"]) == "ALFA"


@pytest.mark.parametrize("name", ("ALF", "alfa", "BTC", ""))
def test_what_nobody_lists_stays_as_it_is(name: str) -> None:
    assert Symbols(LISTINGS.values()).meant(name) == name
