"""The person of a world: halts at the worst time, and puts right, with signatures, whatever can be.

`Hand` is told before anything is loosened and after it is tightened, so that it never permits less than may
be in force.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import structs

from agenttrader.adapters.fence import raise_fence
from agenttrader.adapters.persons import sign
from agenttrader.app.gateway.hand import cancel_order, close_position
from agenttrader.model.authority import EVERYTHING, Act, Mode, Scope, ScopeKind, Statement
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import AgentTraderError, StatementRefused
from agenttrader.model.identifiers import AccountName, Symbol
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant
from agenttrader.ports.fence import Fence, epoch_to_fence
from agenttrader.runtime.acceptance import break_id
from agenttrader.testing.builders import ACCOUNT, AGENT, ALFA, CONFIGURATION, PERSON
from agenttrader.testing.venue_calls import VenueCalls
from agenttrader.testing.worlds.faults import ForgedStatement, Halts, SwitchMoves
from agenttrader.testing.worlds.gateway import Gateway, fence_of, switch_path
from agenttrader.testing.worlds.hand import Hand
from agenttrader.testing.worlds.stage import KEY, STRANGERS_KEY

PATIENCE_SECONDS = 4.0
"""How long an answer of the desk is waited for."""
LOOK_SECONDS = 1.0
"""How often the person looks."""
COMPARES_SECONDS = 5.0
"""How long the person waits before the books are compared again."""
_HALTS = {
    "halt_all": (EVERYTHING, TradingState.HALTED),
    "freeze_all": (EVERYTHING, TradingState.FROZEN),
    "halt_symbol": (Scope(ScopeKind.SYMBOL, ALFA), TradingState.HALTED),
    "halt_agent": (Scope(ScopeKind.AGENT, AGENT), TradingState.HALTED),
    "reduce_only": (EVERYTHING, TradingState.REDUCE_ONLY),
}


class Person:
    """Ada, with her key. `find` takes a promise that is broken before her eyes."""

    def __init__(
        self,
        folder: Path,
        hand: Hand,
        sessions: tuple[Session, ...],
        venue: Callable[[], VenueCalls],
        tell: Callable[[str], None],
        find: Callable[[str], None],
    ) -> None:
        self._folder, self._hand, self._sessions, self._venue = folder, hand, sessions, venue
        self._tell, self._find = tell, find
        self.accepted: set[tuple[BreakKind, Symbol | None]] = set()
        """What differed, and in what, that was taken as it is."""
        self._nonces = 0
        self._compares_at = self._settles_at = 0.0
        self._used: list[tuple[Act, str]] = []
        """Statements that were taken; again they are worth nothing."""

    # What she does against trading.

    async def halt(self, gateway: Gateway, halts: Halts) -> None:
        """Halt, or close the window."""
        now, loosened = asyncio.get_running_loop().time, self._hand.loosened
        if halts.how == "close_window":
            self._hand.move_switch(now())
            done = await self._ask(
                gateway, lambda: gateway.desk.close_window(PERSON, "a whim"), "close window"
            )
            self._hand.move_switch(now())
            if done and self._hand.loosened == loosened:
                self._hand.close_window(now())
            return
        if halts.how == "liquidate":
            for symbol in tuple(gateway.session.engine.state.book.positions()):
                await self._ask(gateway, _closing(gateway, symbol), f"close {symbol}")
            return
        scope, state = _HALTS[halts.how]
        self._hand.tightened_at = now()
        done = await self._ask(gateway, lambda: gateway.desk.halt(scope, state, PERSON, "a whim"), halts.how)
        if done and self._hand.loosened == loosened:
            self._hand.halts.setdefault(scope, now())

    def move_switch(self, moved: SwitchMoves) -> None:
        """Write the file by hand, spoil it, or take it away."""
        self._hand.move_switch(asyncio.get_running_loop().time())
        path = switch_path(self._folder)
        match moved.content:
            case "missing":
                path.unlink(missing_ok=True)
            case "garbage":
                path.write_text("off")
            case _:
                path.write_text(f"{moved.content}\n")

    def fence_off(self, gateway: Gateway) -> None:
        """Raise the fence against the process that runs."""
        now = asyncio.get_running_loop().time()
        last = gateway.epoch
        epoch = epoch_to_fence(last, None, Instant(0))
        fence = Fence(epoch=epoch, by="kill by ada", reason="a whim", time=Instant(0))
        raise_fence(fence_of(self._folder), fence)
        if last:
            self._hand.fenced = (gateway.process.name, now)
            self._hand.tightened_at = now

    async def forge(self, gateway: Gateway, forged: ForgedStatement) -> None:
        """Somebody tries to loosen without the right to it."""
        act, session = Act.OPEN_WINDOW, self._session(gateway)
        if session is None:
            return
        envelope = sign(self._statement(gateway, act, session), STRANGERS_KEY)
        if forged.how == "used":
            if not self._used:
                return
            act, envelope = self._used[-1]
        elif forged.how == "another_account":
            other = structs.replace(self._statement(gateway, act, session), account=AccountName("SIM-2"))
            envelope = sign(other, KEY)
        if await self._ask(gateway, lambda: gateway.desk.give(envelope, act), f"forged: {forged.how}"):
            self._find(f"a statement to {act.value} was taken though it was {forged.how}")

    # What she does for it.

    async def put_right(self, gateway: Gateway) -> None:
        """Look once, and do what would let trading go on."""
        session = self._session(gateway)
        if session is None or not gateway.session.started.is_set() or gateway.session.failure:
            return
        state = gateway.session.engine.state
        now = asyncio.get_running_loop().time()
        if state.breaks and now >= self._settles_at:
            self._settles_at = now + COMPARES_SECONDS
            for found in state.breaks:
                await self._settle(gateway, found, session)
        is_clean = state.reconciled is not None and not state.reconciled.failure and not state.breaks
        if not is_clean and now >= self._compares_at:
            self._compares_at = now + COMPARES_SECONDS
            await self._ask(gateway, gateway.desk.reconcile, "reconcile")
        if self._hand.is_rested(asyncio.get_running_loop().time()):
            await self._loosen(gateway, session)

    async def _loosen(self, gateway: Gateway, session: Session) -> None:
        state = gateway.session.engine.state
        if state.standing.latches:
            await self._resume(gateway, session)
        window = state.standing.window
        self._mend_switch(is_leased=window is not None and not window.suspended)
        if window is None:
            await self._lease(gateway, Act.OPEN_WINDOW, session)
        elif window.suspended and not state.standing.latches:
            await self._go_on(gateway, session)

    async def _go_on(self, gateway: Gateway, session: Session) -> None:
        """Resume the window that a restart suspended, or end it where that may not be."""
        desk = gateway.desk
        if not await self._lease(gateway, Act.RESUME_WINDOW, session):
            await self._ask(gateway, lambda: desk.close_window(PERSON, "it cannot go on"), "close window")

    def _mend_switch(self, *, is_leased: bool) -> None:
        """Put the file right by hand, and where a window is open, to 0."""
        path, wanted = switch_path(self._folder), "0\n" if is_leased else "1\n"
        with suppress(OSError):
            if path.read_text() == wanted or (not is_leased and path.read_text() == "0\n"):
                return
        self._hand.switch_moved_at = asyncio.get_running_loop().time()
        path.write_text(wanted)

    async def _settle(self, gateway: Gateway, found: Break, session: Session) -> None:
        """Close what is bare, cancel what may fill, here or at the broker, and accept everything else."""
        desk, symbol, order_id = gateway.desk, found.symbol, found.order_id
        match found.kind:
            case BreakKind.UNPROTECTED if symbol is not None:
                if gateway.session.engine.state.book.position(symbol):
                    await self._ask(gateway, _closing(gateway, symbol), f"close {symbol}")
            case BreakKind.ORDER_MISSING_AT_BROKER | BreakKind.ORDER_QUANTITY if order_id is not None:
                await self._ask(
                    gateway, lambda: cancel_order(desk, order_id, PERSON, "it differs"), f"cancel {order_id}"
                )
            case BreakKind.ORDER_MISSING_HERE | BreakKind.ORDER_UNKNOWN:
                self._venue().request(ACCOUNT, "DELETE", "v2/orders")
            case _:
                pass
        statement = self._statement(gateway, Act.ACCEPT_BREAK, session, about=break_id(found))
        envelope = sign(statement, KEY)
        what = f"accept {found.kind.value} {symbol or ''}"
        if await self._ask(gateway, lambda: desk.give(envelope, Act.ACCEPT_BREAK), what) is not False:
            self.accepted.add((found.kind, symbol))

    async def _resume(self, gateway: Gateway, session: Session) -> None:
        self._hand.loosened += 1
        before, self._hand.halts = self._hand.halts, {}
        statement = self._statement(gateway, Act.RESUME, session)
        envelope = sign(statement, KEY)
        if await self._ask(gateway, lambda: gateway.desk.give(envelope, Act.RESUME), "resume") is False:
            self._hand.halts = before | self._hand.halts

    async def _lease(self, gateway: Gateway, act: Act, session: Session) -> bool | None:
        hand, now = self._hand, asyncio.get_running_loop().time
        hand.loosened += 1
        before, hand.window_end = hand.window_end, session.close
        hand.switch_moved_at = now()
        envelope = sign(self._statement(gateway, act, session), KEY)
        taken = await self._ask(gateway, lambda: gateway.desk.give(envelope, act), act.value)
        hand.switch_moved_at = now()
        if taken is False:
            hand.window_end = before
        elif taken:
            self._used.append((act, envelope))
        return taken

    def _statement(self, gateway: Gateway, act: Act, session: Session, *, about: str = "") -> Statement:
        self._nonces += 1
        now = gateway.session.now or Instant(0)
        window = gateway.session.engine.state.standing.window
        end = window.statement.end if act is Act.RESUME_WINDOW and window is not None else session.close
        return Statement(
            act=act,
            account=ACCOUNT,
            epoch=gateway.epoch,
            configuration=CONFIGURATION,
            mode=Mode.PAPER,
            scope=EVERYTHING,
            start=now,
            end=end,
            reason="a trading day",
            person=PERSON,
            nonce=f"world-{self._nonces}",
            issued_at=now,
            about=about,
        )

    def _session(self, gateway: Gateway) -> Session | None:
        """The one that is on, or comes next."""
        now = gateway.session.now
        if now is None:
            return None
        return next((each for each in self._sessions if now < each.close), None)

    async def _ask(
        self, gateway: Gateway, asked: Callable[[], Coroutine[Any, Any, object]], what: str
    ) -> bool | None:
        """Ask the desk: whether it was done. None where nobody knows, for it died, hangs or failed."""
        outcome: list[bool | None] = [None]

        async def work() -> None:
            try:
                await asked()
                outcome[0] = True
            except StatementRefused as error:
                outcome[0] = False
                self._tell(f"ada: {what}: {error}")
            except AgentTraderError as error:
                self._tell(f"ada: {what}: {error}")

        task = gateway.process.spawn(work())
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if outcome[0]:
            self._tell(f"ada: {what}: done")
        return outcome[0]


def _closing(gateway: Gateway, symbol: Symbol) -> Callable[[], Coroutine[Any, Any, object]]:
    return lambda: close_position(gateway.desk, symbol, PERSON, "out of it")
