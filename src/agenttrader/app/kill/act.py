"""The acts of kill in their order: what stops the gateway, then orders, then positions, then a look again.

The fence, the switch and the word to the gateway are under way at once, each with a time of its own; no
answer of the gateway is waited for before the broker is asked. Everything is idempotent: kill may be called
again, and by two at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from msgspec import Struct

from agenttrader.app.kill.plan import Acts, Look, Part, Wish, next_acts, parts, unprotected, words_of
from agenttrader.app.kill.report import HaltFound, KillReport, OrderFound, PositionFound
from agenttrader.model.errors import AgentTraderError, Unreachable
from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.reports import BrokerPosition
from agenttrader.model.values import ZERO
from agenttrader.ports.kill_door import KillDoor, WorkingOrder
from agenttrader.ports.side_journal import SideLog

HALT_SECONDS = 1.0
"""How long each act that halts may take before the next things are done without it."""
LOOK_AGAIN_SECONDS = 0.1
ASK_AGAIN_SECONDS = 1.0
"""After this the same order or position is asked for again, if it is still there."""
AT_ONCE = 16
"""How many cancels are under way at a time."""


class Halting(Struct, frozen=True):
    """One act that stops the gateway: what it is called, how it is done (a sentence on what it did)."""

    name: str
    do: Callable[[], Awaitable[str]]
    is_needed: bool
    """Whether kill has failed without it; telling a gateway that may be dead is not."""


class Kill:
    """One kill of one account."""

    def __init__(self, *, halts: tuple[Halting, ...], door: KillDoor, log: SideLog) -> None:
        self._halts = halts
        self._door = door
        self._log = log
        self._seen: dict[BrokerOrderId, tuple[WorkingOrder, Part]] = {}
        self._held: dict[Symbol, BrokerPosition] = {}
        self._said: dict[str, str] = {}
        self._asked: set[str] = set()
        self._asked_lately: set[str] = set()

    async def run(self, wish: Wish, seconds: float) -> KillReport:
        """Halt, then do what `wish` says until the broker says that it is done, for `seconds` at most."""
        halting = [asyncio.create_task(self._halt(each)) for each in self._halts]
        needed = [task for task, each in zip(halting, self._halts, strict=True) if each.is_needed]
        if needed:
            await asyncio.wait(needed)
        look, failure = None, ""
        try:
            look = await self._work(wish, seconds)
        except AgentTraderError as error:  # Host or account that do not fit are as good as nobody there.
            failure = str(error)
        halted = tuple([await task for task in halting])
        return self._report(wish, halted, look, failure)

    async def look(self) -> Look:
        """The account as it is now. Raises Unreachable."""
        orders, positions = await asyncio.gather(self._door.orders(), self._door.positions())
        look = Look(orders=orders, positions=positions)
        part_of = parts(look)
        for order in orders:
            self._seen.setdefault(order.broker_order_id, (order, part_of[order.broker_order_id]))
        for position in positions:
            self._held.setdefault(position.symbol, position)
        return look

    async def _halt(self, halting: Halting) -> HaltFound:
        self._log.write(halting.name, "", "asked")
        try:
            async with asyncio.timeout(HALT_SECONDS):
                said, done = await halting.do(), True
        except AgentTraderError as error:
            said, done = str(error), False
        except TimeoutError:
            said, done = f"no answer within {HALT_SECONDS:g} s", False
        self._log.write(halting.name, "", "answered", said)
        return HaltFound(name=halting.name, done=done, said=said, is_needed=halting.is_needed)

    async def _work(self, wish: Wish, seconds: float) -> Look:
        deadline = asyncio.get_running_loop().time() + seconds
        look = await self.look()
        while (acts := next_acts(look, wish)).remains and asyncio.get_running_loop().time() < deadline:
            await self._ask(acts)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            look = await self.look()
        return look

    async def _ask(self, acts: Acts) -> None:
        """Ask for what was not asked for lately. An answer that does not come is seen at the next look."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def act(name: str, subject: str, ask: Awaitable[str]) -> None:
            async with turns:
                self._log.write(name, subject, "asked")
                try:
                    said = await ask
                except Unreachable as error:
                    said = str(error)
                self._said[subject] = said
                self._log.write(name, subject, "answered", said or "taken")

        orders = [each.broker_order_id for each in acts.cancel if self._is_due(each.broker_order_id)]
        symbols = [each.symbol for each in acts.close if self._is_due(each.symbol)]
        await asyncio.gather(
            *(act("cancel", order, self._door.cancel(order)) for order in orders),
            *(act("close", symbol, self._door.close(symbol)) for symbol in symbols),
        )

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
