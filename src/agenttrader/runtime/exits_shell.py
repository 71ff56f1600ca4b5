"""The shell of the exits unit: one inbox, one consumer, and what it remembers on disk.

Nothing is sent again from here by itself: whatever was not done is wanted again, under the same name, when
the unit decides anew, which it does at each thing that it hears and soon after something failed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol, assert_never

import structlog

from agenttrader.exits.acts import Cancel, Doubt, Tenancy
from agenttrader.model.breaks import DoubtKind
from agenttrader.model.errors import BadValue, StoreError, Unreachable
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.times import Instant
from agenttrader.ports.feed import Feed
from agenttrader.protocols.native_doubts import DOUBTS_MAX, SENTENCE_MAX, DoubtBody, DoubtsBody
from agenttrader.runtime.exits_host import Coverage, ExitsHost, Output, Propose
from agenttrader.runtime.hearing import Gateway, GatewayLost, Heard, Hearing

AGAIN_SECONDS = 0.25
"""After an act, done or not, how soon it is decided again though nothing was heard."""
REPORT_SECONDS = 10.0
"""How long the broker's word on an act holds a paced day; then it goes on without."""
DOUBT_AGAIN_SECONDS = 30.0
"""How often what stays in doubt is told: a person may have accepted it, as if nobody had it any more."""

_About = tuple[Symbol, DoubtKind]

logger = structlog.get_logger()


class ExitsGateway(Gateway, Protocol):
    """The gateway as the exits unit uses it."""

    async def cancel(self, order_id: OrderId) -> None:
        """Ask for the order's end. Raises as `propose` does."""
        ...

    async def doubt(self, doubts: DoubtsBody) -> None:
        """Tell all that cannot be judged. Raises as `propose` does."""
        ...

    async def settled(self, time: Instant) -> None:
        """Say that all that is wanted at `time` is done; without a connection, nothing."""
        ...


class Memory(Protocol):
    """Where the best prices outlive the process."""

    def write(self, bests: Mapping[Tenancy, Decimal]) -> None:
        """Durable on return. Raises StoreError."""
        ...


class ExitsShell:
    """Runs one host against a feed and a gateway: `hearing` fills its inbox, `act` empties it."""

    def __init__(
        self,
        host: ExitsHost,
        feed: Feed,
        gateway: ExitsGateway,
        memory: Memory,
        *,
        at_once: int,
        count: Callable[[str, str], None] = lambda _act, _state: None,
        show: Callable[[Coverage], None] = lambda _: None,
    ) -> None:
        """So many acts are `at_once` under way; `count` hears of each with what came of it."""
        self._host = host
        self.hearing = Hearing("exits", feed, gateway)
        self._feed = feed
        self._gateway = gateway
        self._memory = memory
        self._turns = asyncio.Semaphore(at_once)
        self._count = count
        self._show = show
        self._remembered: Mapping[Tenancy, Decimal] = host.bests
        self._settled: Instant | None = None
        self._report_due = 0.0
        """Until when the broker's word on what was done is waited for, by the loop's time."""
        self._again_at = 0.0
        """When it decides again though nothing was heard, by the loop's time; 0 is not at all."""
        self._doubted: frozenset[_About] = frozenset()
        """What was in doubt when it decided last."""
        self._told: frozenset[_About] | None = None
        """What of that the gateway has on record, as far as we know; None: we do not."""
        self._doubt_due = 0.0
        """When it is told again, by the loop's time."""

    async def act(self) -> None:
        """Take in all that waits, decide, and do what is wanted, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            await self._hear()
            wanted = self._host.wanted()
            self._show(self._host.coverage())
            self._remember()
            self._again_at = 0.0
            if await self._do(wanted):
                # What came of it is heard on the stream, mostly sooner; nothing is settled before that.
                self._again_at = loop.time() + AGAIN_SECONDS
                self._report_due = loop.time() + REPORT_SECONDS
            elif self.hearing.is_empty:
                await self._settle()
            if self._doubted and self._host.decides:
                self._again_at = min(self._again_at or self._doubt_due, self._doubt_due)

    async def _hear(self) -> None:
        """Take in all that waits; nothing, where it is time to decide again before anything comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._again_at or None):
                self._take(await self.hearing.next())
        while not self.hearing.is_empty:
            self._take(await self.hearing.next())

    def _take(self, heard: Heard) -> None:
        self._host.take(heard)
        if isinstance(heard, GatewayLost):
            self._settled = None  # A gateway that starts again does not know what the one before was told.

    async def _do(self, wanted: Sequence[Output]) -> bool:
        """Do all of it, some at once; whether there was anything to do, or to do again."""
        acts = [self._in_turn(output) for output in wanted]
        if self._host.decides:
            acts.insert(0, self._tell([each for each in wanted if isinstance(each, Doubt)]))
        return any(await asyncio.gather(*acts))

    async def _in_turn(self, output: Output) -> bool:
        async with self._turns:
            match output:
                case Propose():
                    await self._propose(output)
                case Cancel():
                    await self._cancel(output)
                case Doubt():
                    return False
                case _:
                    assert_never(output)
        return True

    async def _propose(self, wanted: Propose) -> None:
        proposal = wanted.proposal
        effect = proposal.effect.value
        try:
            answer = await self._gateway.propose(proposal)
        except (BadValue, Unreachable) as error:
            # What it refuses as another order under that name is the same duty, asked for a moment ago: the
            # stream will tell of it.
            self._fail(effect, proposal.symbol, error)
            if isinstance(error, BadValue):
                self._host.refused(wanted, str(error))
            return
        self._host.learn(answer.order)
        self._count(effect, answer.state)
        logger.info(
            "proposed",
            correlation_id=proposal.correlation_id,
            order_id=proposal.id,
            symbol=proposal.symbol,
            effect=effect,
            quantity=str(proposal.quantity),
            state=answer.state,
            decision=answer.decision.code,
            reason=proposal.reason,
        )

    async def _cancel(self, cancel: Cancel) -> None:
        try:
            await self._gateway.cancel(cancel.order_id)
        except (BadValue, Unreachable) as error:
            self._fail("cancel", cancel.symbol, error)
            if isinstance(error, BadValue):
                self._host.refused(cancel, str(error))
            return
        self._count("cancel", "asked")
        logger.info("cancel_asked", order_id=cancel.order_id, symbol=cancel.symbol, reason=cancel.sentence)

    def _fail(self, act: str, symbol: str, error: Exception) -> None:
        self._count(act, "failed")
        logger.warning("not_done", act=act, symbol=symbol, reason=str(error))

    async def _tell(self, doubts: Sequence[Doubt]) -> bool:
        """Let the gateway halt what is in doubt, and no more what is not; whether it got no answer.

        All is told after each start: what the one before doubted may be over.
        """
        doubted = {(each.symbol, each.about): each for each in doubts}
        self._log_doubts(doubted)
        now = asyncio.get_running_loop().time()
        if self._told == frozenset(doubted) and not (doubted and now >= self._doubt_due):
            return False
        self._doubt_due = now + DOUBT_AGAIN_SECONDS
        async with self._turns:
            try:
                await self._gateway.doubt(_as_told(tuple(doubted.values())))
            except Unreachable as error:
                self._fail("doubt", "", error)
                return True
            except BadValue as error:
                self._fail("doubt", "", error)  # It would refuse the same again; the log has them.
        self._told = frozenset(doubted)
        return False

    def _log_doubts(self, doubted: Mapping[_About, Doubt]) -> None:
        """Once for as long as each lasts."""
        for about, doubt in doubted.items():
            if about not in self._doubted:
                self._count("doubt", "told")
                logger.error("doubt", symbol=doubt.symbol, about=doubt.about.value, reason=doubt.sentence)
        self._doubted = frozenset(doubted)

    def _remember(self) -> None:
        bests = self._host.bests
        if bests == self._remembered:
            return
        try:
            self._memory.write(bests)
        except StoreError as error:
            # Protection does not wait for a disk: what is lost is rebuilt from what the market tells.
            logger.error("not_remembered", reason=str(error))  # noqa: TRY400 - a trace says nothing more
        self._remembered = bests

    async def _settle(self) -> None:
        """Once the broker's word on what was done has come, or has not for long, let time go on."""
        time = self._host.settled
        if time is None or time == self._settled:
            return
        if self._host.awaits_report and asyncio.get_running_loop().time() < self._report_due:
            self._again_at = self._report_due
            return
        self._settled = time
        self._host.rest(time)
        await self._gateway.settled(time)
        await self._feed.settled(time)


def _as_told(doubts: Sequence[Doubt]) -> DoubtsBody:
    """The doubts as one message; where they are too many for one, everything is in doubt."""
    if len(doubts) > DOUBTS_MAX:
        first = doubts[0]
        sentence = f"{len(doubts)} positions are in doubt; the first is {first.symbol}: {first.sentence}"
        doubts = [Doubt(symbol=Symbol(""), about=first.about, sentence=sentence)]
    return DoubtsBody(
        doubts=tuple(
            DoubtBody(symbol=each.symbol, about=each.about, sentence=each.sentence[:SENTENCE_MAX])
            for each in doubts
        )
    )
