"""What the venue keeps of an account besides the exchange: its owner's settings and watchlists.

A filing is an entry of the venue's log, like an input of the exchange, and says how things stand after it;
so reading the log again brings back the same, and nothing here ever fails to apply.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct

from agenttrader.app.venue.configurations import first_configurations
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_account import Configurations
from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.inputs import AccountOpening


class ConfigurationsSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="configurations"):
    """The owner's settings are these from now on."""

    account: str
    configurations: Configurations


class KeptWatchlist(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named list of symbols, in the order in which they were added."""

    id: str
    name: str
    symbols: tuple[str, ...]
    created_at: Instant
    updated_at: Instant


class WatchlistKept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="watchlist"):
    """A watchlist is new, or stands so from now on."""

    account: str
    watchlist: KeptWatchlist


class WatchlistDropped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="watchlist_end"):
    """A watchlist is gone."""

    account: str
    id: str


Filing = ConfigurationsSet | WatchlistKept | WatchlistDropped


class Files:
    """How everything stands, by account."""

    def __init__(self, openings: Iterable[AccountOpening]) -> None:
        self.configurations: dict[str, Configurations] = {}
        self.watchlists: dict[str, dict[str, KeptWatchlist]] = {}
        self._made: dict[str, int] = {}
        for opening in openings:
            self.configurations[opening.name] = first_configurations(opening)
            self.watchlists[opening.name] = {}
            self._made[opening.name] = 0

    def next_watchlist_id(self, account: str) -> str:
        """The id that the account's next watchlist has: never one that was used before."""
        return derive_uuid("watchlist", account, self._made[account] + 1)

    def file(self, filing: Filing) -> None:
        """Let it stand so. Raises KeyError for an account that is not there."""
        match filing:
            case ConfigurationsSet():
                self.configurations[filing.account] = filing.configurations
            case WatchlistKept():
                kept = self.watchlists[filing.account]
                self._made[filing.account] += filing.watchlist.id not in kept
                kept[filing.watchlist.id] = filing.watchlist
            case WatchlistDropped():
                del self.watchlists[filing.account][filing.id]
            case _:
                assert_never(filing)
