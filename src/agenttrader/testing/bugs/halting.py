"""Planted bugs of what may leave at all: switches, latches, links, windows, statements, the clock."""

# ruff: noqa: SLF001 - a bug has no manners

from collections.abc import Iterator
from typing import Any

from agenttrader.adapters.fence import FenceSwitch
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.events import Halted, Resumed, SegmentOpened, WindowSuspended
from agenttrader.model.times import SECOND
from agenttrader.runtime import engine, footing, halts, standings, statements
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.footing import Footing
from agenttrader.runtime.recorder import Recorder
from agenttrader.runtime.standing import Standing
from agenttrader.runtime.standings import Standings
from agenttrader.runtime.state import State
from agenttrader.testing.planting import planted, spoiled, wrapped

LAPSES_SECONDS = 60
"""After how long a halt ends by itself in the bug of that name."""


@planted("A halt file that is not there is no halt.")
def missing_switch_is_active() -> Iterator[None]:
    """In the switch that is a file."""

    def read(original: Any, switch: Any) -> SwitchReading:
        found: SwitchReading = original(switch)
        if "No such file" not in found.reason:
            return found
        return SwitchReading(name=found.name, state=TradingState.ACTIVE, reason="there is none")

    with wrapped(FileHalt, "read", read):
        yield


@planted("Whatever stands in a halt file and is not a 1 lets trade.")
def only_a_one_halts() -> Iterator[None]:
    """In the switch that is a file: an empty one, or another word, is no halt."""

    def read(original: Any, switch: Any) -> SwitchReading:
        found: SwitchReading = original(switch)
        if "is 1" in found.reason:
            return found
        return SwitchReading(name=found.name, state=TradingState.ACTIVE, reason="no 1 in it")

    with wrapped(FileHalt, "read", read):
        yield


@planted("A switch that halts does so for as long as it stands there, and latches nothing.")
def switch_latches_nothing() -> Iterator[None]:
    """In the engine: at 0 again, it lets trade, and no person was asked."""
    with spoiled(footing, "latch_of", lambda *_: None):
        yield


@planted("Halts are kept in memory: a restart forgets them.")
def restart_forgets_halts() -> Iterator[None]:
    """In the state, which a start folds."""

    def standing(original: Any, state: Any, sealed: Any) -> None:
        original(state, sealed)
        if isinstance(sealed.event, SegmentOpened):
            state.standing.latches.clear()
            state.standing.latched_at.clear()

    with wrapped(State, "_apply_to_standing", standing):
        yield


@planted("A halt ends by itself after a minute.")
def halt_lapses() -> Iterator[None]:
    """In the engine, where time passes."""

    def reached(original: Any, at: Any, time: Any) -> None:
        standing = at.state.standing
        for scope, since in list(standing.latched_at.items()):
            if time - since > LAPSES_SECONDS * SECOND:
                standing.latches.pop(scope, None)
                standing.latched_at.pop(scope)
                at.state.version += 1
        original(at, time)

    with wrapped(Engine, "_time", reached):
        yield


@planted("A later halt that is less severe takes the place of the earlier one.")
def last_halt_counts() -> Iterator[None]:
    """In the standing: who halts a second time, and less, lets go."""

    def apply(original: Any, standing: Any, event: Any, time: Any) -> None:
        original(standing, event, time)
        if isinstance(event, Halted):
            standing.latches[event.scope] = event

    with wrapped(Standing, "apply", apply):
        yield


@planted("A resume of one scope lifts every halt.")
def resume_lifts_all() -> Iterator[None]:
    """In the standing."""

    def apply(original: Any, standing: Any, event: Any, time: Any) -> None:
        original(standing, event, time)
        if isinstance(event, Resumed):
            standing.latches.clear()
            standing.latched_at.clear()

    with wrapped(Standing, "apply", apply):
        yield


@planted("A resume that was signed before a halt lifts it.")
def old_resume_lifts() -> Iterator[None]:
    """In the judging of statements: a person has not seen what they lift."""

    def lifts(_: Any, statement: Any, *given: Any) -> Any:
        return statements._in_time(statement, given[-1])

    with wrapped(statements, "_lifts", lifts):
        yield


@planted("A statement can be used again and again.")
def statement_is_used_again() -> Iterator[None]:
    """In the standing, which knows those that were used."""
    with spoiled(Standing, "use", lambda _, signed: signed.statement):
        yield


@planted("A symbol's halt is looked up under the account's name, and found never.")
def scope_is_not_found() -> Iterator[None]:
    """In the standing: only halts of everything and of the account hold."""

    def latches(original: Any, standing: Any, account: Any, *_: Any) -> Any:
        return original(standing, account, (), "", ())

    with wrapped(Standing, "latches_on", latches):
        yield


@planted("What may leave is computed once, and not again when the journal says otherwise.")
def standing_is_cached() -> Iterator[None]:
    """In the engine's answers that still hold."""

    def of(original: Any, known: Any, state: Any, *given: Any) -> Any:
        known._version = state.version if known._known else known._version
        return original(known, state, *given)

    with wrapped(Standings, "of", of):
        yield


@planted("That a link is down is not noticed.")
def link_down_is_ignored() -> Iterator[None]:
    """In the engine: orders leave, and nobody hears what becomes of them."""

    def link(original: Any, at: Any, seen: Any) -> None:
        if seen.up:
            original(at, seen)

    with wrapped(Footing, "_link", link):
        yield


@planted("A book that was not compared since the start halts nothing.")
def starts_uncompared() -> Iterator[None]:
    """In what halts everything."""

    def everywhere(original: Any, state: Any) -> Any:
        return (each for each in original(state) if "compared" not in each[1])

    def fit(original: Any, state: Any) -> Any:
        reason = original(state)
        return "" if "has not been compared" in reason else reason

    with wrapped(halts, "_everywhere", everywhere), wrapped(statements, "_fit_to_trade", fit):
        yield


@planted("A break is shown, and halts nobody.")
def break_halts_nobody() -> Iterator[None]:
    """In what halts an order, by its symbols."""

    def standing(original: Any, state: Any, *given: Any) -> Any:
        with spoiled(State, "breaks", property(lambda _: ())):
            return original(state, *given)

    with wrapped(standings, "standing_of", standing):
        yield


@planted("A restart goes on in the window of before.")
def restart_keeps_the_window() -> Iterator[None]:
    """In what a start finds: nobody resumed it."""

    def behind(original: Any, state: Any) -> Any:
        return (event for event in original(state) if not isinstance(event, WindowSuspended))

    with wrapped(engine, "left_behind", behind):
        yield


@planted("The end of a window is written down, and nothing happens then.")
def window_never_ends() -> Iterator[None]:
    """In the engine, where time ends it."""

    def close(original: Any, at: Any, by: str, reason: str) -> None:
        if by != "time":
            original(at, by, reason)

    with wrapped(Engine, "_close_window", close):
        yield


@planted("When a window closes, its working entries stay.")
def entries_outlive_the_window() -> Iterator[None]:
    """In the engine: neither at the end nor later is their end asked for."""

    def close(original: Any, at: Any, by: str, reason: str) -> None:
        with spoiled(Recorder, "_cancel_order", lambda *_: None):
            original(at, by, reason)

    with wrapped(Engine, "_close_window", close), spoiled(engine, "unwanted", lambda *_: iter(())):
        yield


@planted("A clock that goes back is believed.")
def clock_goes_back() -> Iterator[None]:
    """In the engine, where our clock is held against the record and the broker's."""
    with spoiled(engine, "skewed", lambda *_: iter(())):
        yield


@planted("The fence that keeps an older gateway out is compared with itself.")
def fence_keeps_nobody_out() -> Iterator[None]:
    """In the switch that is the fence: two gateways of one account both send."""

    def read(original: Any, switch: Any) -> SwitchReading:
        found: SwitchReading = original(switch)
        return SwitchReading(name=found.name, state=TradingState.ACTIVE, reason="no fence above itself")

    with wrapped(FenceSwitch, "read", read):
        yield
