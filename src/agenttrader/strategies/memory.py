"""What the strategies of one agent remember over their host's end: all that decides and nobody else keeps.

Entries, brackets and positions are the gateway's to keep, and stand in its first message; market data of
after the last step come from the feed. The rest is here: what the indicators hold, the last closes, the bars
that a best price since an entry is counted over, which fills were told, up to when timers were asked, and the
proposals that were made and of which the gateway has not said yet that it has them.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Digest, ExecutionId, StrategyName, Symbol
from agenttrader.model.market import Bar
from agenttrader.model.orders import Proposal
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant
from agenttrader.strategies.hosted import Hosted
from agenttrader.strategies.program import Checkpoint


class Extent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a bar reached, and when it began."""

    start: Instant
    high: Decimal
    low: Decimal


class SymbolMemory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one strategy remembers of its symbol."""

    symbol: Symbol
    strategy: StrategyName
    parameters: Digest
    """Of its class and parameters: they enter the ids of what it proposes."""
    indicators: Checkpoint
    price: Decimal | None
    """The last close."""
    bars: tuple[Extent, ...]
    """Those that a best price since an entry may be counted over."""


class Memory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a host remembers after the step at `stepped`."""

    agent: AgentName
    session: Session
    stepped: Instant
    asked: Instant | None
    """Up to when timers have been asked; None before the first time that they could be."""
    told: tuple[ExecutionId, ...] | None
    """The fills that were told; None before the gateway was first heard."""
    pending: tuple[Proposal, ...]
    """What was proposed at that step; none once all of it stands with the gateway."""
    symbols: tuple[SymbolMemory, ...]


def extent_of(bar: Bar) -> Extent:
    """The bar's reach."""
    return Extent(start=bar.start, high=bar.high, low=bar.low)


def memory_of(symbol: Symbol, hosted: Hosted, bars: tuple[Extent, ...]) -> SymbolMemory:
    """What the strategy of `symbol` remembers, with the bars that its host keeps for it."""
    return SymbolMemory(
        symbol=symbol,
        strategy=hosted.author.strategy,
        parameters=hosted.author.parameters,
        indicators=hosted.checkpoint(),
        price=hosted.price,
        bars=bars,
    )


def expect_fit(
    memory: Memory, *, agent: AgentName, session: Session, hosted: Mapping[Symbol, Hosted]
) -> None:
    """Raise BadValue, naming what differs, unless `memory` is of these very strategies on this session."""
    _expect("agent", agent, memory.agent)
    _expect("session", session, memory.session)
    _expect("symbols", sorted(hosted), sorted(each.symbol for each in memory.symbols))
    for each in memory.symbols:
        strategy = hosted[each.symbol]
        _expect(f"{each.symbol}: strategy", strategy.author.strategy, each.strategy)
        _expect(f"{each.symbol}: class and parameters", strategy.author.parameters, each.parameters)
        _expect(f"{each.symbol}: indicators", strategy.program.digest, each.indicators.program)


def _expect(what: str, ours: object, found: object) -> None:
    if ours != found:
        raise BadValue(f"{what}: expected {ours}, found {found}")
