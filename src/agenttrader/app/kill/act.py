"""The acts of kill in their order: what stops the gateway, then orders, then positions, then a look again.

What halts on this machine was begun before (`halting`). It, and the word to the gateway, have a time of their
own each; no answer of the gateway is waited for before the broker is asked. Everything is idempotent: kill
may be called again, and by two at once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from agenttrader.app.kill.halting import Begun
from agenttrader.app.kill.plan import Acts, Look, Part, next_acts, parts, unprotected, words_of
from agenttrader.app.kill.report import HaltFound, KillReport, OrderFound, PositionFound
from agenttrader.app.kill.wish import Wish
from agenttrader.model.errors import AgentTraderError, Unreachable, Unsent
from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.plain_text import plain
from agenttrader.model.reports import BrokerPosition
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.ports.kill_door import Closing, KillDoor, WorkingOrder
from agenttrader.ports.side_journal import SideLog, Stage

HALT_SECONDS = 1.0
"""How long each act that halts is waited for before the next things are done without it."""
NO_ANSWER = f"no answer within {HALT_SECONDS:g} s"
LOOK_AGAIN_SECONDS = 0.1
ASK_AGAIN_SECONDS = 1.0
"""After this the same order or position is asked for again, if it is still there."""
READ_TIME_SECONDS = 10.0
"""How old the broker's time may become before it is asked for again."""
AT_ONCE = 16
"""How many cancels are under way at a time."""


class Kill:
    """One kill of one account."""

    def __init__(
        self,
        *,
        begun: tuple[Begun, ...],
        tell: Callable[[], Awaitable[str]] | None,
        door: Callable[[], KillDoor],
        log: SideLog,
    ) -> None:
        """`begun` is what halts without anybody's answer, `tell` asks the gateway to halt, `door` opens."""
        self._begun = begun
        self._tell = tell
        self._open = door
        self._log = log
        self._seen: dict[BrokerOrderId, tuple[WorkingOrder, Part]] = {}
        self._held: dict[Symbol, BrokerPosition] = {}
        self._said: dict[str, str] = {}
        self._asked: set[str] = set()
        self._asked_lately: set[str] = set()
        self._broker_time: Instant | None = None
        self._read_time_at = 0.0

    async def run(self, wish: Wish, seconds: float) -> KillReport:
        """Halt, then do what `wish` says until the broker says that it is done, for `seconds` at most."""
        telling = asyncio.create_task(self._tell_gateway())
        halted = await asyncio.gather(*(self._outcome(each) for each in self._begun))
        look, failure = None, ""
        try:
            look = await self._work(wish, seconds)
        except AgentTraderError as error:  # Host or account that do not fit are as good as nobody there.
            failure = plain(str(error))
        except Exception as error:  # told with all that was done before it
            failure = plain(f"{type(error).__name__}: {error}")
        return self._report(wish, (*halted, *await telling), look, failure)

    async def _look(self) -> Look:
        """The account as it is now, and remembered. Raises Unreachable."""
        look = await look_at(self._open())
        part_of = parts(look)
        for order in look.orders:
            self._seen.setdefault(order.broker_order_id, (order, part_of[order.broker_order_id]))
        for position in look.positions:
            self._held.setdefault(position.symbol, position)
        return look

    async def _outcome(self, begun: Begun) -> HaltFound:
        """What came of an act without which kill has failed."""
        is_over = await asyncio.to_thread(begun.wait, HALT_SECONDS)
        said = begun.said if is_over else NO_ANSWER
        return HaltFound(name=begun.name, done=is_over and begun.is_done, said=said, is_needed=True)

    async def _tell_gateway(self) -> tuple[HaltFound, ...]:
        """What came of telling the gateway, which may be dead; nothing where it is not to be told."""
        if self._tell is None:
            return ()
        self._log.write("gateway", "", "asked")
        try:
            async with asyncio.timeout(HALT_SECONDS):
                said, done = await self._tell(), True
        except AgentTraderError as error:
            said, done = str(error), False
        except TimeoutError:
            said, done = NO_ANSWER, False
        except Exception as error:  # told as not done, and the broker is asked all the same
            said, done = f"{type(error).__name__}: {error}", False
        said = plain(said)
        self._log.write("gateway", "", "answered", said)
        return (HaltFound(name="gateway", done=done, said=said, is_needed=False),)

    async def _work(self, wish: Wish, seconds: float) -> Look:
        deadline = asyncio.get_running_loop().time() + seconds
        look, _ = await asyncio.gather(self._look(), self._read_time(wish))
        while (acts := next_acts(look, wish)).remains and asyncio.get_running_loop().time() < deadline:
            await self._ask(acts)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            look, _ = await asyncio.gather(self._look(), self._read_time(wish))
        return look

    async def _read_time(self, wish: Wish) -> None:
        """The broker's time, now and then: by it a start may tell what came of a close without an answer."""
        now = asyncio.get_running_loop().time()
        if wish.liquidate and now >= self._read_time_at:
            self._read_time_at = now + READ_TIME_SECONDS
            with contextlib.suppress(
                AgentTraderError, TimeoutError
            ):  # Without it a lost answer stays a break.
                async with asyncio.timeout(HALT_SECONDS):
                    self._broker_time = await self._open().time()

    async def _ask(self, acts: Acts) -> None:
        """Ask for what was not asked for lately. An answer that does not come is seen at the next look."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def in_turn(act: Awaitable[None]) -> None:
            async with turns:
                await act

        orders = [each.broker_order_id for each in acts.cancel if self._is_due(each.broker_order_id)]
        positions = [each for each in acts.close if self._is_due(each.symbol)]
        await asyncio.gather(*map(in_turn, (*map(self._cancel, orders), *map(self._close, positions))))

    async def _cancel(self, order: BrokerOrderId) -> None:
        self._log.write("cancel", order, "asked")
        try:
            said = await self._open().cancel(order)
        except Unreachable as error:
            said = str(error)
        self._said[order] = said
        self._log.write("cancel", order, "answered", said or "taken")

    async def _close(self, position: BrokerPosition) -> None:
        """Ask for a close, and note what its order is: the gateway's next start takes that in as ours."""
        symbol, closing = position.symbol, Closing()
        stage: Stage = "answered"
        self._log.write("close", symbol, "asked", held=position.quantity, broker_time=self._broker_time)
        try:
            closing = await self._open().close(symbol)
            said = closing.refusal
        except Unreachable as error:
            said = str(error)
            stage = "answered" if isinstance(error, Unsent) else "lost"
        self._said[symbol] = said
        self._log.write("close", symbol, stage, said or "taken", order=closing.order)

    def _is_due(self, subject: str) -> bool:
        if subject in self._asked_lately:
            return False
        self._asked.add(subject)
        self._asked_lately.add(subject)
        asyncio.get_running_loop().call_later(ASK_AGAIN_SECONDS, self._asked_lately.discard, subject)
        return True

    def _report(
        self, wish: Wish, halted: tuple[HaltFound, ...], look: Look | None, failure: str
    ) -> KillReport:
        bare = {} if look is None else unprotected(look)
        working = None if look is None else {order.broker_order_id for order in look.orders}
        left = None if look is None else {each.symbol: each.quantity for each in look.positions}
        remains = () if look is None else next_acts(look, wish).remains
        return KillReport(
            halts=halted,
            orders=tuple(self._order(order, part, working) for order, part in self._seen.values()),
            positions=tuple(
                PositionFound(
                    symbol=symbol,
                    quantity=position.quantity,
                    left=position.quantity if left is None else left.get(symbol, ZERO),
                    unprotected=bare.get(symbol, ZERO),
                    said=self._said.get(symbol, ""),
                )
                for symbol, position in self._held.items()
            ),
            remains=remains,
            unreachable=failure,
            side_journal=self._log.failure,
        )

    def _order(self, order: WorkingOrder, part: Part, working: Iterable[BrokerOrderId] | None) -> OrderFound:
        is_gone = working is not None and order.broker_order_id not in working
        asked = order.broker_order_id in self._asked
        return OrderFound(
            broker_order_id=order.broker_order_id,
            order=words_of(order),
            part=part.value,
            outcome="ended" if is_gone else "still works" if asked or working is None else "left",
            said=self._said.get(order.broker_order_id, ""),
        )


async def look_at(door: KillDoor) -> Look:
    """The account as it is now. Raises Unreachable."""
    orders, positions = await asyncio.gather(door.orders(), door.positions())
    return Look(orders=orders, positions=positions)
