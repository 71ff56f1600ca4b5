"""Watchlists as clients ask for them: named lists of assets that an account keeps, and nothing more.

Alpaca documents: a name has at most 64 characters and is used once in an account (422), a symbol must be
listed (404). That a symbol stands in a list once is our own rule.
"""

from collections.abc import Iterable

import msgspec

from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.filings import Files, KeptWatchlist
from agenttrader.app.venue.market import asset_answer
from agenttrader.app.venue.symbols import Symbols
from agenttrader.model.errors import BadValue
from agenttrader.model.times import rfc3339
from agenttrader.protocols.alpaca_account import Watchlist, WatchlistWish, expect_watchlist_name
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.identities import derive_uuid
from agenttrader.simulation.orders import Reason, Refusal

WATCHLISTS_MAX = 200
"""Of one account: our own bound, so that no client fills the venue's memory."""


def made(
    files: Files, account: str, wish: WatchlistWish, symbols: Symbols, exchange: Exchange
) -> KeptWatchlist:
    """A new watchlist. Raises BadValue for a name that cannot be, Refused for a symbol that is not listed."""
    if wish.name is None:
        raise BadValue("name: expected one for a new watchlist, found none")
    if len(files.watchlists[account]) >= WATCHLISTS_MAX:
        raise BadValue(f"watchlists: expected at most {WATCHLISTS_MAX} in an account; delete one first")
    now = exchange.clock
    new = KeptWatchlist(
        id=files.next_watchlist_id(account), name="", symbols=(), created_at=now, updated_at=now
    )
    return edited(files, account, new, wish, symbols, exchange)


def edited(
    files: Files,
    account: str,
    watchlist: KeptWatchlist,
    wish: WatchlistWish,
    symbols: Symbols,
    exchange: Exchange,
) -> KeptWatchlist:
    """The watchlist with another name, other symbols or both. Raises as `made` does."""
    name = watchlist.name if wish.name is None else wish.name
    expect_watchlist_name(name)
    for other in files.watchlists[account].values():
        if other.name == name and other.id != watchlist.id:
            raise BadValue(f"name: expected one that the account has not used, found {name!r}")
    wanted = watchlist.symbols if wish.symbols is None else _listed(wish.symbols, symbols, exchange)
    return msgspec.structs.replace(watchlist, name=name, symbols=wanted, updated_at=exchange.clock)


def found(files: Files, account: str, watchlist_id: str) -> KeptWatchlist:
    """The account's watchlist of this id. Raises Refused where it has none."""
    watchlist = files.watchlists[account].get(watchlist_id)
    if watchlist is None:
        raise not_found(f"watchlist not found for {watchlist_id}")
    return watchlist


def watchlist_answer(account: str, watchlist: KeptWatchlist, exchange: Exchange | None) -> Watchlist:
    """The watchlist, with its assets as `exchange` lists them, or without any where that is None."""
    listings = None if exchange is None else exchange.books.listings
    return Watchlist(
        id=watchlist.id,
        account_id=derive_uuid("account", account),
        created_at=rfc3339(watchlist.created_at),
        updated_at=rfc3339(watchlist.updated_at),
        name=watchlist.name,
        assets=None
        if listings is None
        else tuple(asset_answer(listings[each]) for each in watchlist.symbols),
    )


def _listed(names: Iterable[str], symbols: Symbols, exchange: Exchange) -> tuple[str, ...]:
    wanted = dict.fromkeys(symbols.meant(name) for name in names)
    for symbol in wanted:
        if symbol not in exchange.books.listings:
            raise not_found(f"asset not found for {symbol}")
    return tuple(wanted)


def not_found(message: str) -> Refused:
    """What is not there, as an error."""
    return Refused(Refusal(reason=Reason.NOT_FOUND, message=message))
