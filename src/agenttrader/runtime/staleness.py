"""Which symbols have been silent for too long while their market trades, and whether all of them have.

Market data is not on record, so this is judged by what this process heard: what was heard of once is silent
from then on, at the earliest from this process's start, from the session's open and from the end of a pause.
What was never heard of has no price, and without one nothing is opened. Options are not judged: of a series
that nobody trades nothing is told. The latch is on record, like any.
"""

from collections.abc import Iterator

from agenttrader.gateway.breakers import Tripped, by_feed, by_silence
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.events import Halted
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import CryptoPair, Equity
from agenttrader.model.market import TradingStatus
from agenttrader.model.times import SECOND, Duration, Instant
from agenttrader.runtime.breakers import STALE, Breakers
from agenttrader.runtime.market_view import MarketView
from agenttrader.runtime.rules import Rules


class Staleness:
    """What one process has waited for. It looks again when the first symbol can have become too old."""

    def __init__(self) -> None:
        self._begun: Instant | None = None
        self._look_at = Instant(0)

    def judge(self, market: MarketView, rules: Rules, breakers: Breakers, now: Instant) -> Iterator[Halted]:
        """The latches that are due at `now`; of what is latched already none."""
        if self._begun is None:
            self._begun = now
        if now < self._look_at:
            return
        heard = dict(_heard(market, rules, self._begun, now))
        self._look_at = _next_look(heard, rules)
        if not heard:
            return
        account = Scope(ScopeKind.ACCOUNT, rules.authority.account)
        everything = by_feed(rules.breakers, Duration(now - max(heard.values())))
        if everything is not None or (STALE, account) in breakers.tripped:
            yield from _latch(breakers, account, everything)
            return
        for symbol, last in heard.items():
            silent = by_silence(rules.breakers, symbol, Duration(now - last))
            yield from _latch(breakers, Scope(ScopeKind.SYMBOL, symbol), silent)


def _latch(breakers: Breakers, scope: Scope, tripped: Tripped | None) -> Iterator[Halted]:
    if tripped is not None and (STALE, scope) not in breakers.tripped:
        yield Halted(scope=scope, state=tripped.state, by=STALE, reason=tripped.reason)


def _next_look(heard: dict[Symbol, Instant], rules: Rules) -> Instant:
    """When any of them can be too old at the earliest, were nothing more heard."""
    limits, times = rules.breakers, heard.values()
    one = min(times, default=Instant(0)) + limits.stale_seconds_max * SECOND
    everything = max(times, default=Instant(0)) + limits.feed_stale_seconds_max * SECOND
    return Instant(min(one, everything)) if heard else Instant(0)


def _heard(
    market: MarketView, rules: Rules, begun: Instant, now: Instant
) -> Iterator[tuple[Symbol, Instant]]:
    """Since when each symbol that trades now has been silent."""
    session = rules.calendar.session_at(now) if rules.calendar.covers(now) else None
    for symbol in rules.limits.symbol:
        heard = market.heard.get(symbol)
        if heard is None or market.statuses[symbol] is not TradingStatus.TRADING:
            continue
        last = max(heard, begun)
        match rules.instruments.get(symbol):
            case CryptoPair():
                yield symbol, last
            case Equity() if session is not None:
                yield symbol, max(last, session.open)
            case _:
                pass
