"""What may leave right now, and every reason why not more.

The severest of window, switches, latches, breaks and links holds. Absent means no: a switch that was not
read, a link that was not seen up, a book that was not compared since the start are halts.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from agenttrader.model.authority import EVERYTHING
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.events import Halted
from agenttrader.model.identifiers import AccountName, AgentName, StrategyName, Symbol
from agenttrader.runtime.foreign import halts_of
from agenttrader.runtime.standing import severest, words_of
from agenttrader.runtime.state import State

NEEDED_LINKS = ("broker", "marketdata")
STORE = "store"
"""The switch that is the journal itself: its latches. It is read by folding."""


class HaltStanding(Struct, frozen=True):
    """The trading state for somebody in some symbols, with the reasons for everything short of ACTIVE."""

    state: TradingState
    reasons: tuple[str, ...]
    switches: tuple[tuple[str, TradingState], ...]
    """Each wired switch as last read; one that was not read counts as HALTED."""
    said: tuple[tuple[str, str], ...] = ()
    """Why each of them halts that was read, and does."""


def standing_of(
    state: State,
    switches: Mapping[str, SwitchReading],
    wired: tuple[str, ...],
    account: AccountName,
    agents: tuple[AgentName, ...],
    strategy: StrategyName,
    symbols: tuple[Symbol, ...],
) -> HaltStanding:
    """The standing of an order of `strategy` in `symbols` that the halts of `agents` bind."""
    found = [*_everywhere(state), *_switches(switches, wired)]
    found += (
        (latch.state, f"{words_of(latch.scope)} was halted by {latch.by}: {latch.reason}")
        for latch in state.standing.latches_on(account, agents, strategy, symbols)
    )
    found += (
        (TradingState.HALTED, f"break {broken.kind.value}: {broken.sentence}")
        for broken in state.breaks
        if broken.symbol is None or broken.symbol in symbols
    )
    found += (
        (
            TradingState.REDUCE_ONLY,
            f"{symbol} was held over the night, and the books were not compared since: it may have split",
        )
        for symbol in symbols
        if symbol in state.overnight
    )
    found += halts_of(state.left, symbols)
    readings = tuple(
        (name, switches[name].state if name in switches else TradingState.HALTED)
        for name in wired
        if name != STORE
    )
    said = tuple(
        (name, switches[name].reason)
        for name, reading in readings
        if reading is not TradingState.ACTIVE and name in switches
    )
    return HaltStanding(
        severest(each for each, _ in found), tuple(reason for _, reason in found), readings, said
    )


def _everywhere(state: State) -> Iterator[tuple[TradingState, str]]:
    window = state.standing.window
    if window is None:
        yield TradingState.HALTED, "no window is open"
    elif window.suspended:
        yield TradingState.HALTED, f"the window is suspended: {window.suspended}"
    if state.reconciled is None:
        yield TradingState.HALTED, "the book has not been compared with the broker since the start"
    elif state.reconciled.failure:
        yield TradingState.HALTED, f"the last comparison with the broker failed: {state.reconciled.failure}"
    for name in NEEDED_LINKS:
        link = state.links.get(name)
        if link is None or not link.up:
            yield TradingState.HALTED, f"the link {name} is down{': ' + link.reason if link else ''}"


def _switches(
    switches: Mapping[str, SwitchReading], wired: tuple[str, ...]
) -> Iterator[tuple[TradingState, str]]:
    for name in wired:
        if name == STORE:
            continue
        reading = switches.get(name)
        if reading is None:
            yield TradingState.HALTED, f"the switch {name} has not been read"
        elif reading.state is not TradingState.ACTIVE:
            yield reading.state, f"the switch {name} halts: {reading.reason}"


def latch_of(before: SwitchReading | None, reading: SwitchReading) -> Halted | None:
    """What halts everything for good when a switch that let trade does so no more."""
    was_active = before is not None and before.state is TradingState.ACTIVE
    if not was_active or reading.state is TradingState.ACTIVE:
        return None
    # A fence freezes the process that reads it, and no other: what outlives that is a halt.
    state = min(reading.state, TradingState.HALTED, key=lambda each: each.severity)
    return Halted(scope=EVERYTHING, state=state, by=f"switch {reading.name}", reason=reading.reason)
