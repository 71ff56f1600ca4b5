"""What clients ask of the past and of the latest, answered from the history: parameters in, a body out.

The answers are Alpaca's, and hold nothing beyond the watermark. A page ends when it is full; its token says
after which item the next one begins.
"""

from collections.abc import Collection

from agenttrader.app.marketdata.aggregation import Actions, adjusted, aggregate, require_known
from agenttrader.app.marketdata.history import History
from agenttrader.app.marketdata.series import Place, Series
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Quote, Trade
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_history import (
    BarsQuery,
    HistoryQuery,
    Item,
    PageToken,
    Parameters,
    Snapshot,
    encode_latest,
    encode_latest_of,
    encode_page,
    encode_page_of,
    encode_snapshot_of,
    encode_snapshots,
    read_bars_query,
    read_latest_query,
    read_ticks_query,
)
from agenttrader.protocols.alpaca_timeframes import ONE_DAY, period_at

BARS, QUOTES, TRADES = "bars", "quotes", "trades"
KINDS = (BARS, QUOTES, TRADES)
"""What has a past and a latest, under Alpaca's names."""

Page = tuple[dict[Symbol, list[Item]], PageToken | None]


class Questions:
    """Answers for one source. Every method raises BadValue, naming the parameter, for what cannot be had."""

    def __init__(self, history: History, *, feed: str, channels: Collection[str], actions: Actions) -> None:
        """`channels` are what the source tells: of others there is no past and no latest either."""
        self._history = history
        self._feed = feed
        self._channels = channels
        self._actions = actions

    def past(self, kind: str, parameters: Parameters) -> bytes:
        """`GET /v2/stocks/{kind}`."""
        items, following = self._page(kind, self._query(kind, parameters, None))
        return encode_page(kind, items, following)

    def past_of(self, kind: str, symbol: str, parameters: Parameters) -> bytes:
        """`GET /v2/stocks/{symbol}/{kind}`."""
        items, following = self._page(kind, self._query(kind, parameters, symbol))
        return encode_page_of(kind, Symbol(symbol), items, following)

    def latest(self, kind: str, parameters: Parameters) -> bytes:
        """`GET /v2/stocks/{kind}/latest`; symbols without one are left out."""
        self._require(kind)
        symbols = read_latest_query(parameters, self._feed)
        found = {symbol: self._series(kind, symbol).latest for symbol in symbols}
        return encode_latest(kind, {symbol: item for symbol, item in found.items() if item is not None})

    def latest_of(self, kind: str, symbol: str, parameters: Parameters) -> bytes | None:
        """`GET /v2/stocks/{symbol}/{kind}/latest`; None where there is none."""
        self._require(kind)
        [name] = read_latest_query(parameters, self._feed, symbol)
        item = self._series(kind, name).latest
        return None if item is None else encode_latest_of(kind, name, item)

    def snapshots(self, parameters: Parameters) -> bytes:
        """`GET /v2/stocks/snapshots`; symbols without a bar are left out."""
        symbols = read_latest_query(parameters, self._feed)
        found = {symbol: self._snapshot(symbol) for symbol in symbols}
        return encode_snapshots({symbol: each for symbol, each in found.items() if each is not None})

    def snapshot_of(self, symbol: str, parameters: Parameters) -> bytes | None:
        """`GET /v2/stocks/{symbol}/snapshot`; None where there is no bar."""
        [name] = read_latest_query(parameters, self._feed, symbol)
        found = self._snapshot(name)
        return None if found is None else encode_snapshot_of(name, found)

    def _query(self, kind: str, parameters: Parameters, symbol: str | None) -> HistoryQuery:
        self._require(kind)
        if kind == BARS:
            return read_bars_query(parameters, self._feed, symbol)
        return read_ticks_query(parameters, self._feed, symbol)

    def _require(self, kind: str) -> None:
        if kind not in self._channels:
            known = ", ".join(each for each in KINDS if each in self._channels)
            raise BadValue(f"{kind}: expected one of {known}, all that {self._feed} has")

    def _series(self, kind: str, symbol: Symbol) -> Series[Bar] | Series[Quote] | Series[Trade]:
        if kind == BARS:
            return self._history.bars(symbol)
        return self._history.quotes(symbol) if kind == QUOTES else self._history.trades(symbol)

    def _page(self, kind: str, query: HistoryQuery) -> Page:
        """One page: of each symbol in turn, until it is full; and where the next page begins."""
        if isinstance(query, BarsQuery):
            require_known(query.adjustment, self._actions)
        now = self._history.watermark
        if now is None:
            return {}, None
        found: list[tuple[PageToken, Item]] = []
        for symbol in query.symbols:
            if query.after is None or symbol >= query.after.symbol:
                # One more than fits tells whether there is another page.
                found += self._of_symbol(kind, query, symbol, now, query.limit + 1 - len(found))
            if len(found) > query.limit:
                break
        items: dict[Symbol, list[Item]] = {}
        for token, item in found[: query.limit]:
            items.setdefault(token.symbol, []).append(item)
        return items, found[query.limit - 1][0] if len(found) > query.limit else None

    def _of_symbol(
        self, kind: str, query: HistoryQuery, symbol: Symbol, now: Instant, count: int
    ) -> list[tuple[PageToken, Item]]:
        start = period_at(now, ONE_DAY).start if query.start is None else query.start
        end = now if query.end is None else query.end
        series = self._series(kind, symbol)
        if isinstance(query, BarsQuery):
            last = Instant(period_at(min(end, now), query.timeframe).end - 1)
            minutes = self._history.bars(symbol).between(start, last)
            bars = aggregate(adjusted(minutes, query.adjustment, self._actions, now), query.timeframe)
            series = Series((bar.start, bar) for bar in bars)
        after = query.after
        beyond = None if after is None or after.symbol != symbol else Place(after.time, after.ordinal)
        page = series.page(start, end, count=count, beyond=beyond, descending=query.descending)
        return [(PageToken(symbol, *place), item) for place, item in page]

    def _snapshot(self, symbol: Symbol) -> Snapshot | None:
        bars = self._history.bars(symbol)
        latest = bars.latest
        if latest is None:
            return None
        days = aggregate(bars.all(), ONE_DAY)
        return Snapshot(
            latest_trade=self._history.trades(symbol).latest,
            latest_quote=self._history.quotes(symbol).latest,
            minute_bar=latest,
            daily_bar=days[-1],
            previous_daily_bar=days[-2] if len(days) > 1 else None,
        )
