"""The model of the send protocol is the product's: played by the same acts, both say the same after each."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.runtime import recovery
from agenttrader.testing.send_protocol.explore import histories
from agenttrader.testing.send_protocol.model import acts, after
from agenttrader.testing.send_protocol.played import Product
from agenttrader.testing.send_protocol.rules import ALL
from agenttrader.testing.send_protocol.seen import seen_of, wished
from agenttrader.testing.send_protocol.state import QUANTITIES, Act, Gateway, Verb, World

A = Act(Verb.PROPOSE)
SENT = (Act(Verb.START), Act(Verb.COMPARE), A, Act(Verb.WRITE), Act(Verb.SEND))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits for what will not come, and nobody reads what is logged."""
    monkeypatch.setattr(recovery, "LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(recovery, "ANSWER_SECONDS", 0.0)
    with structlog.testing.capture_logs():
        yield


class BothSayTheSame(RuleBasedStateMachine):
    """Any act that may happen next happens to both; what may not, is refused by the product."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world, self.product = World(), self.runner.run(made())
        self.refused = 0

    @property
    def idle(self) -> Gateway | None:
        """The gateway, where it runs and has nothing at hand."""
        gateway = self.world.gateways[0]
        return None if gateway is None or gateway.decided is not None else gateway

    @precondition(lambda self: bool(acts(self.world, ALL)))
    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        act = data.draw(st.sampled_from(acts(self.world, ALL)), label="act")
        self.world = after(self.world, act, ALL)
        self.runner.run(self.product.do(act))
        self.agree()

    @rule(data=st.data())
    def what_may_not_be_is_refused(self, data: st.DataObject) -> None:
        """A wish that is known is the same order; one like another that may not be sent now is denied."""
        if self.idle is None:
            return
        wish = data.draw(st.sampled_from(range(len(QUANTITIES))), label="wish")
        if Act(Verb.PROPOSE, wish) in acts(self.world, ALL):
            return
        known = any(order.wish == wish for order in self.idle.book)
        self.refused += 1
        if known:
            self.runner.run(self.product.refuse(wished(wish)))
        elif not self.idle.is_compared or self.idle.is_stopped:
            self.runner.run(self.product.refuse(wished(wish, self.refused)))
        self.agree()

    def agree(self) -> None:
        assert self.product.seen() == seen_of(self.world)

    def teardown(self) -> None:
        self.runner.run(self.product.crash())
        self.runner.close()


async def made() -> Product:
    return Product()


def test_whatever_happens_both_say_the_same() -> None:
    run(examples=20)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_whatever_happens_for_long_both_say_the_same() -> None:
    run(examples=1_000)


def run(examples: int) -> None:
    case = BothSayTheSame.TestCase
    case.settings = settings(max_examples=examples, stateful_step_count=18, deadline=None)
    case().runTest()


async def play(history: tuple[Act, ...]) -> None:
    product, world = Product(), World()
    try:
        for act in history:
            await product.do(act)
            world = after(world, act, ALL)
        assert product.seen() == seen_of(world), ", ".join(map(str, history))
    finally:
        await product.crash()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
async def test_in_every_world_of_the_model_the_product_says_the_same() -> None:
    for history in histories(ALL):
        await play(history)


@pytest.mark.parametrize(
    "history",
    (
        pytest.param((*SENT, Act(Verb.SILENCE), Act(Verb.COMPARE), Act(Verb.ARRIVE)), id="it arrives late"),
        pytest.param((*SENT[:4], Act(Verb.CRASH), Act(Verb.START), Act(Verb.COMPARE)), id="it never left"),
        pytest.param((*SENT[:4], Act(Verb.KILL), Act(Verb.SEND)), id="it is killed before it leaves"),
    ),
)
async def test_the_histories_of_the_page_end_well_in_the_product(history: tuple[Act, ...]) -> None:
    await play(history)


async def test_a_product_without_its_last_look_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dispatcher, "_reason_to_withhold", lambda *_: None)
    with pytest.raises(AssertionError, match="kill, send"):
        await play((*SENT[:4], Act(Verb.KILL), Act(Verb.SEND)))
