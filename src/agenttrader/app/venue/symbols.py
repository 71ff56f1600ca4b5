"""The ways in which a client may name what is listed.

A symbol, its asset id, or, for a pair of coins, its name without the slash: `BTCUSD` for `BTC/USD`. Alpaca
documents all three, and tells a position in a coin by the name without the slash (alpaca-py issue 490).
"""

from collections.abc import Iterable

from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.listings import Listing


def asset_id(symbol: str) -> str:
    """The UUID that stands for a symbol."""
    return derive_uuid("asset", symbol)


def position_symbol(listing: Listing) -> str:
    """How a position in it is called."""
    return listing.symbol.replace("/", "") if listing.is_coin else listing.symbol


class Symbols:
    """Every name of every listing."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self._symbols: dict[str, str] = {}
        for listing in listings:
            for name in (asset_id(listing.symbol), position_symbol(listing), listing.symbol):
                self._symbols[name] = listing.symbol

    def meant(self, name: str) -> str:
        """The symbol that is meant; the name itself where it is not known."""
        return self._symbols.get(name, name)
