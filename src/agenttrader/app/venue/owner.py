"""The use cases of an account's owner besides trading: settings, watchlists, what the account was worth."""

from agenttrader.app.venue import configurations, watchlists
from agenttrader.app.venue.filings import ConfigurationsSet, KeptWatchlist, WatchlistDropped, WatchlistKept
from agenttrader.app.venue.portfolio import history_asked
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.record import Record
from agenttrader.app.venue.symbols import Symbols
from agenttrader.protocols.alpaca_account import (
    Configurations,
    ConfigurationsChange,
    PortfolioHistory,
    Watchlist,
    WatchlistWish,
)


class Owner:
    """What the owners of one venue's accounts may ask."""

    def __init__(self, record: Record, symbols: Symbols) -> None:
        self._record = record
        self._symbols = symbols

    def configurations(self, account: str) -> Configurations:
        """How the account may be used."""
        return self._record.files.configurations[account]

    def configure(self, account: str, change: ConfigurationsChange) -> Configurations:
        """Let the account be used otherwise from now on. Raises Unsupported for what binds nothing here."""
        new = configurations.changed(self.configurations(account), change)
        if new != self.configurations(account):
            self._record.file(ConfigurationsSet(account=account, configurations=new))
        return new

    def history(self, account: str, parameters: Parameters) -> PortfolioHistory:
        """What the account was worth. Raises BadValue for parameters that cannot be."""
        return history_asked(self._record.exchange, self._record.valuations, account, parameters)

    def watchlists(self, account: str) -> list[Watchlist]:
        """Every watchlist, oldest first, without its assets."""
        kept = self._record.files.watchlists[account].values()
        return [watchlists.watchlist_answer(account, each, None) for each in kept]

    def watchlist(self, account: str, watchlist_id: str) -> Watchlist:
        """One watchlist. Raises Refused where the account has none of this id."""
        return self._answer(account, watchlists.found(self._record.files, account, watchlist_id))

    def make_watchlist(self, account: str, wish: WatchlistWish) -> Watchlist:
        """A new watchlist. Raises BadValue for a name that cannot be, Refused for an unlisted symbol."""
        files, exchange = self._record.files, self._record.exchange
        return self._keep(account, watchlists.made(files, account, wish, self._symbols, exchange))

    def edit_watchlist(self, account: str, watchlist_id: str, wish: WatchlistWish) -> Watchlist:
        """Give a watchlist another name, other symbols or both. Raises as `make_watchlist` does."""
        files, exchange = self._record.files, self._record.exchange
        standing = watchlists.found(files, account, watchlist_id)
        return self._keep(account, watchlists.edited(files, account, standing, wish, self._symbols, exchange))

    def add_to_watchlist(self, account: str, watchlist_id: str, symbol: str) -> Watchlist:
        """Put a symbol at the end of a watchlist. Raises as `make_watchlist` does."""
        standing = watchlists.found(self._record.files, account, watchlist_id)
        wish = WatchlistWish(symbols=(*standing.symbols, symbol))
        return self.edit_watchlist(account, watchlist_id, wish)

    def take_off_watchlist(self, account: str, watchlist_id: str, symbol: str) -> Watchlist:
        """Take a symbol off a watchlist. Raises Refused where it does not stand there."""
        standing = watchlists.found(self._record.files, account, watchlist_id)
        meant = self._symbols.meant(symbol)
        if meant not in standing.symbols:
            raise watchlists.not_found(f"asset not found for {symbol} in this watchlist")
        wish = WatchlistWish(symbols=tuple(each for each in standing.symbols if each != meant))
        return self.edit_watchlist(account, watchlist_id, wish)

    def drop_watchlist(self, account: str, watchlist_id: str) -> None:
        """Delete a watchlist. Raises Refused where the account has none of this id."""
        watchlists.found(self._record.files, account, watchlist_id)
        self._record.file(WatchlistDropped(account=account, id=watchlist_id))

    def _keep(self, account: str, watchlist: KeptWatchlist) -> Watchlist:
        self._record.file(WatchlistKept(account=account, watchlist=watchlist))
        return self._answer(account, watchlist)

    def _answer(self, account: str, watchlist: KeptWatchlist) -> Watchlist:
        return watchlists.watchlist_answer(account, watchlist, self._record.exchange)
