"""The shell of the strategy host: one inbox, one consumer, and time limits where the world may stay silent.

A proposal that gets no usable answer is sent again under the same id (the gateway answers with the order it
already has) until `ANSWER_SECONDS`; one that was answered before the broker has may take `REPORT_SECONDS`
more. Then the host goes on without.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, assert_never

import structlog

from agenttrader.model.errors import BadValue, StoreError, Unreachable
from agenttrader.model.orders import Proposal
from agenttrader.ports.feed import Feed
from agenttrader.runtime.hearing import Gateway, Hearing
from agenttrader.runtime.strategy_host import StrategyHost
from agenttrader.runtime.strategy_messages import (
    Answered,
    GivenUp,
    Input,
    Output,
    Propose,
    Remember,
    Settled,
    Written,
)
from agenttrader.strategies.memory import Memory

ANSWER_SECONDS = 30
REPORT_SECONDS = 10
RETRY_SECONDS = 0.25

logger = structlog.get_logger()


class Checkpoints(Protocol):
    """Where what the host remembers outlives the process."""

    def write(self, memory: Memory) -> None:
        """Durable on return. Raises StoreError."""
        ...


class StrategyShell:
    """Runs one host against a feed and a gateway: `hearing` fills its inbox, `act` empties it."""

    def __init__(
        self,
        host: StrategyHost,
        feed: Feed,
        gateway: Gateway,
        checkpoints: Checkpoints,
        *,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._host = host
        self.hearing = Hearing("strategy", feed, gateway)
        self._feed = feed
        self._gateway = gateway
        self._checkpoints = checkpoints
        self._count = count
        self._report_due = 0.0

    async def act(self) -> None:
        """Hand every input to the host, and do what it says, one thing after the other."""
        while True:
            outputs = deque(self._host.handle(await self._next()))
            while outputs:
                outputs.extend(await self._do(outputs.popleft()))

    async def _next(self) -> Input:
        """The next input; where a report is due and does not come, that it was given up."""
        awaited = self._host.awaits_report
        if awaited is None:
            return await self.hearing.next()
        try:
            async with asyncio.timeout_at(self._report_due):
                return await self.hearing.next()
        except TimeoutError:
            return self._give_up(GivenUp(awaited, f"no firm state within {REPORT_SECONDS} s of its answer"))

    async def _do(self, output: Output) -> tuple[Output, ...]:
        match output:
            case Propose():
                answered = await self._propose(output.proposal)
                self._report_due = asyncio.get_running_loop().time() + REPORT_SECONDS
                return self._host.handle(answered)
            case Remember():
                return self._host.handle(self._write(output.memory))
            case GivenUp():
                self._give_up(output)
                return ()
            case Settled():
                await self._feed.settled(output.time)
                return ()
            case _:
                assert_never(output)

    async def _propose(self, proposal: Proposal) -> Answered | GivenUp:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ANSWER_SECONDS
        while True:
            try:
                answer = await self._gateway.propose(proposal)
            except BadValue as error:
                return self._give_up(GivenUp(proposal.id, str(error)))
            except Unreachable as error:
                if loop.time() >= deadline:
                    return self._give_up(GivenUp(proposal.id, str(error)))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._count(answer.state)
                logger.info(
                    "proposed",
                    correlation_id=proposal.correlation_id,
                    order_id=proposal.id,
                    symbol=proposal.symbol,
                    effect=proposal.effect.value,
                    state=answer.state,
                    decision=answer.decision.code,
                    reason=proposal.reason,
                )
                return Answered(answer)

    def _write(self, memory: Memory) -> Written:
        try:
            self._checkpoints.write(memory)
        except StoreError as error:
            # What reduces goes out although it cannot be written; the host keeps its entries back.
            self._count("unwritten")
            logger.error("not_remembered", reason=str(error), then="no entry leaves")  # noqa: TRY400
            return Written(durably=False)
        return Written(durably=True)

    def _give_up(self, given_up: GivenUp) -> GivenUp:
        self._count("given_up")
        logger.warning("given_up", order_id=given_up.order_id, reason=given_up.reason)
        return given_up
