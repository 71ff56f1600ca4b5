"""Who waits for the broker's word on an order."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agenttrader.model.identifiers import OrderId
from agenttrader.model.orders import OrderState
from agenttrader.model.reports import ReportKind
from agenttrader.runtime.answers import Answers
from agenttrader.testing.builders import proposal
from agenttrader.testing.driver import Driver, trading

K, S = ReportKind, OrderState


class Waiting:
    """An order that is on its way, and one who waits for it."""

    def __init__(self, seconds: float = 5) -> None:
        entry = proposal(1)
        self.driver: Driver = trading()
        self.driver.propose(entry)
        self.id: OrderId = entry.id
        self.answers = Answers()
        self.task = asyncio.create_task(self.answers.wait(self.driver.order(self.id), seconds))

    async def tells(self, *, is_recorded: bool) -> bool:
        """Whether that one hears of what was made last."""
        tell = self.answers.recorded if is_recorded else self.answers.taken
        tell(self.driver.engine.state.book.orders, self.driver.records[-1:])
        await asyncio.wait((self.task,), timeout=0.02)
        return self.task.done()


@pytest.fixture
async def waiting() -> AsyncIterator[Waiting]:
    made = Waiting()
    await asyncio.sleep(0)
    assert not made.task.done()
    yield made
    made.task.cancel()


async def test_that_it_was_taken_is_told_before_it_is_on_disk(waiting: Waiting) -> None:
    waiting.driver.accept(waiting.id)
    assert await waiting.tells(is_recorded=False)


@pytest.mark.parametrize("word", (K.REJECTED, K.NOT_SENT, K.ANSWER_LOST))
async def test_what_the_broker_may_not_say_again_is_told_when_it_is_on_disk(
    waiting: Waiting, word: ReportKind
) -> None:
    waiting.driver.report(word, waiting.id, broker_order_id=None)
    assert not await waiting.tells(is_recorded=False)
    assert await waiting.tells(is_recorded=True)


async def test_another_orders_news_is_none(waiting: Waiting) -> None:
    waiting.driver.propose(proposal(2))
    waiting.driver.accept(proposal(2).id)
    assert not await waiting.tells(is_recorded=True)


async def test_what_has_its_answer_is_not_waited_for(waiting: Waiting) -> None:
    waiting.driver.accept(waiting.id)
    await asyncio.wait_for(waiting.answers.wait(waiting.driver.order(waiting.id), 5), 0.5)


async def test_nobody_is_kept_who_went_away_or_was_told() -> None:
    waiting = Waiting(seconds=0.01)
    await asyncio.wait_for(waiting.task, 2)
    impatient = asyncio.create_task(waiting.answers.wait(waiting.driver.order(waiting.id), 5))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait((impatient,))
    assert waiting.answers.waited_for == 0
