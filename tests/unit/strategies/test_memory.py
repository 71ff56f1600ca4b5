"""What must be the same for a memory to be gone on from; each difference is named."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agenttrader.indicators.compiled import Compiled
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.orders import Proposal
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant
from agenttrader.strategies.contract import Strategy, flat, when
from agenttrader.strategies.expressions import Param, close, sma
from agenttrader.strategies.hosted import Hosted
from agenttrader.strategies.memory import Extent, Memory, expect_fit, memory_of
from agenttrader.strategies.ticket import Ticket

ALFA, AGENT = Symbol("ALFA"), AgentName("mo")
SESSION = Session(date="2026-11-20", open=Instant(0), close=Instant(1000))


class Slow(Strategy):
    period = Param(3, 1, 9)

    @when(close > sma(close, period), flat)
    def enter(self, order: Ticket) -> Proposal | None:
        return order.buy(Decimal(1), "above")


class Fast(Slow):
    pass


def hosted(compiled: Compiled, kind: type[Strategy] = Slow, name: str = "slow", **configured: Any) -> Hosted:
    return Hosted(
        kind,
        configured,
        agent=AGENT,
        name=StrategyName(name),
        instrument=Equity(symbol=ALFA, tick=Decimal("0.01"), lot=Decimal(1)),
        session=SESSION,
        compiled=compiled,
    )


def memory(compiled: Compiled) -> Memory:
    bars = (Extent(start=Instant(1), high=Decimal("1.10"), low=Decimal("0.90")),)
    return Memory(
        agent=AGENT,
        session=SESSION,
        stepped=Instant(5),
        asked=None,
        told=None,
        pending=(),
        symbols=(memory_of(ALFA, hosted(compiled), bars),),
    )


def test_it_survives_being_written(compiled: Compiled) -> None:
    made = memory(compiled)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Memory) == made


def test_the_same_strategies_fit(compiled: Compiled) -> None:
    expect_fit(memory(compiled), agent=AGENT, session=SESSION, hosted={ALFA: hosted(compiled)})


def test_every_difference_is_refused_by_name(compiled: Compiled) -> None:
    same = {"agent": AGENT, "session": SESSION, "hosted": {ALFA: hosted(compiled)}}
    later = Session(date="2026-11-23", open=Instant(0), close=Instant(1000))
    for changes, named in (
        ({"agent": AgentName("other")}, "agent: expected other, found mo"),
        ({"session": later}, "session: expected"),
        ({"hosted": {}}, "symbols: expected"),
        ({"hosted": {ALFA: hosted(compiled, name="other")}}, "ALFA: strategy: expected other, found slow"),
        ({"hosted": {ALFA: hosted(compiled, Fast)}}, "ALFA: class and parameters: expected"),
        ({"hosted": {ALFA: hosted(compiled, period=4)}}, "ALFA: class and parameters: expected"),
    ):
        arguments: dict[str, Any] = same | changes
        with pytest.raises(BadValue, match=named):
            expect_fit(memory(compiled), **arguments)


def test_another_program_of_the_same_name_is_refused(compiled: Compiled) -> None:
    """As after an edit of an expression, or another version of a kernel."""
    made = memory(compiled)
    (alfa,) = made.symbols
    indicators = msgspec.structs.replace(alfa.indicators, program="0" * 64)
    edited = msgspec.structs.replace(made, symbols=(msgspec.structs.replace(alfa, indicators=indicators),))
    with pytest.raises(BadValue, match="ALFA: indicators: expected"):
        expect_fit(edited, agent=AGENT, session=SESSION, hosted={ALFA: hosted(compiled)})
