import asyncio
import threading
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.app.kill import act
from agenttrader.app.kill.act import Kill
from agenttrader.app.kill.halting import Halt, begin
from agenttrader.app.kill.wish import Wish
from agenttrader.model.errors import StoreError, Unreachable, Unsent
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.reports import BrokerPosition, StatedOrder
from agenttrader.model.times import Instant
from agenttrader.ports.kill_door import Closing, WorkingOrder
from agenttrader.ports.side_journal import Stage

CANCEL = Wish(cancel_orders=True)
LIQUIDATE = Wish(liquidate=True)
NOW = Instant(1_795_185_000_000_000_000)
MADE = StatedOrder(
    broker_order_id=BrokerOrderId("close"),
    client_order_id=ClientOrderId("theirs"),
    symbol=Symbol("ALFA"),
    side=Side.SELL,
    type="market",
    quantity=Decimal(10),
    time=NOW,
)


class Told:
    """What was done, in its order; implements the side journal."""

    failure = ""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, Stage, str]] = []
        self.notes: list[dict[str, Any]] = []

    def write(self, act: str, subject: str, stage: Stage, outcome: str = "", **more: Any) -> None:
        self.lines.append((act, subject, stage, outcome))
        self.notes.append({name: value for name, value in more.items() if value is not None})

    def acts(self) -> list[str]:
        return [f"{act} {subject}".strip() for act, subject, stage, _ in self.lines if stage == "asked"]


class Broker:
    """An account behind the second door; what is asked for happens unless it is stuck."""

    def __init__(self) -> None:
        self.working = {"entry": "buy", "stop": "sell"}
        self.held = Decimal(10)
        self.stuck: set[str] = set()
        self.is_away = False
        self.lost: Unreachable | None = None

    async def orders(self) -> tuple[WorkingOrder, ...]:
        if self.is_away:
            raise Unreachable("nobody answers")
        return tuple(
            WorkingOrder(
                broker_order_id=BrokerOrderId(name),
                symbol=Symbol("ALFA"),
                side=side,
                type="limit" if name == "entry" else "stop",
                quantity=Decimal(10),
            )
            for name, side in self.working.items()
        )

    async def positions(self) -> tuple[BrokerPosition, ...]:
        found = BrokerPosition(symbol=Symbol("ALFA"), quantity=self.held, average_price=Decimal(1))
        return (found,) if self.held else ()

    async def cancel(self, order: BrokerOrderId) -> str:
        if order in self.stuck:
            return "too late"
        self.working.pop(order, None)
        return ""

    async def close(self, symbol: Symbol) -> Closing:
        assert not self.working, f"{symbol} is held back for {self.working}"
        if "close" in self.stuck:
            return Closing(refusal="not now")
        self.held = Decimal(0)
        if self.lost is not None:
            raise self.lost
        return Closing(order=MADE)

    async def time(self) -> Instant:
        if "time" in self.stuck:
            raise Unreachable("no time")
        return NOW


def at_once() -> str:
    return "done"


def never() -> str:
    threading.Event().wait()
    return "never"


def broken() -> str:
    raise StoreError("the disk is full")


async def heard() -> str:
    return "done"


async def unheard() -> str:
    await asyncio.Event().wait()
    return "never"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(act, "HALT_SECONDS", 0.05)
    monkeypatch.setattr(act, "LOOK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(act, "ASK_AGAIN_SECONDS", 0.05)


def kill(
    broker: Broker,
    told: Told,
    fence: Callable[[], str] = at_once,
    gateway: Callable[[], Awaitable[str]] = heard,
) -> Kill:
    begun = begin((Halt("fence", fence),), lambda: told)
    return Kill(begun=begun, tell=gateway, door=lambda: broker, log=told)


async def test_what_halts_comes_before_orders_and_orders_before_positions() -> None:
    broker, told = Broker(), Told()
    report = await kill(broker, told).run(LIQUIDATE, 5)
    assert report.is_done
    assert told.acts() == ["gateway", "cancel entry", "cancel stop", "close ALFA"]
    assert told.lines[0] == ("fence", "", "answered", "done")
    assert [line[2] for line in told.lines if line[1] == "entry"] == ["asked", "answered"]


async def test_again_there_is_nothing_to_do() -> None:
    broker = Broker()
    await kill(broker, Told()).run(LIQUIDATE, 5)
    told = Told()
    report = await kill(broker, told).run(LIQUIDATE, 5)
    assert report.is_done
    assert told.acts() == ["gateway"]


async def test_a_gateway_that_never_answers_delays_nothing_that_is_needed() -> None:
    broker = Broker()
    report = await kill(broker, Told(), gateway=unheard).run(CANCEL, 5)
    assert report.is_done
    assert [(halt.name, halt.done) for halt in report.halts] == [("fence", True), ("gateway", False)]
    assert "no answer within" in report.halts[1].said


@pytest.mark.parametrize("fence", (never, broken))
async def test_without_its_fence_it_cancels_all_the_same_and_is_not_done(
    fence: Callable[[], str],
) -> None:
    broker = Broker()
    report = await kill(broker, Told(), fence=fence).run(CANCEL, 5)
    assert list(broker.working) == ["stop"]
    assert not report.is_done


async def test_what_does_not_end_is_asked_for_again_and_remains() -> None:
    broker, told = Broker(), Told()
    broker.stuck.add("entry")
    report = await kill(broker, told).run(CANCEL, 0.2)
    assert told.acts().count("cancel entry") > 1
    assert report.remains == ("order entry (buy 10 ALFA limit) still works",)
    found = {order.broker_order_id: (order.outcome, order.said) for order in report.orders}
    assert found == {"entry": ("still works", "too late"), "stop": ("left", "")}
    assert any(line.startswith("REMAINS") for line in report.lines())


async def test_nobody_at_the_broker_is_said_and_what_halts_stands() -> None:
    broker = Broker()
    broker.is_away = True
    report = await kill(broker, Told()).run(CANCEL, 5)
    assert (report.unreachable, report.is_done) == ("nobody answers", False)
    assert all(halt.done for halt in report.halts)


async def test_only_a_halt_touches_nothing_and_tells_what_is_bare() -> None:
    broker = Broker()
    broker.working.pop("stop")
    report = await kill(broker, Told()).run(Wish(), 5)
    assert report.is_done
    assert list(broker.working) == ["entry"]
    assert report.positions[0].unprotected == Decimal(10)
    assert "position   ALFA: 10 held, 10 left, 10 UNPROTECTED" in list(report.lines())


# What the gateway's next start is told of a close.


async def closing(broker: Broker, seconds: float = 5) -> list[tuple[Stage, str, dict[str, Any]]]:
    """What is noted of the close."""
    broker.working.clear()
    told = Told()
    await kill(broker, told).run(LIQUIDATE, seconds)
    lines = zip(told.lines, told.notes, strict=True)
    return [(stage, outcome, note) for (act, _, stage, outcome), note in lines if act == "close"]


async def test_a_close_is_noted_with_what_it_is_about_and_with_the_order_that_came_of_it() -> None:
    assert await closing(Broker()) == [
        ("asked", "", {"held": Decimal(10), "broker_time": NOW}),
        ("answered", "taken", {"order": MADE}),
    ]


@pytest.mark.parametrize(("error", "stage"), ((Unreachable, "lost"), (Unsent, "answered")))
async def test_of_a_close_without_an_answer_nobody_knows_unless_it_never_left(
    error: type[Unreachable], stage: str
) -> None:
    broker = Broker()
    broker.lost = error("no answer")
    assert [each[0] for each in await closing(broker)] == ["asked", stage]


async def test_a_refused_close_made_no_order() -> None:
    broker = Broker()
    broker.stuck.add("close")
    assert (await closing(broker, 0.03))[1] == ("answered", "not now", {})


async def test_a_broker_that_does_not_tell_its_time_delays_no_close() -> None:
    broker = Broker()
    broker.stuck.add("time")
    asked, _ = await closing(broker)
    assert asked == ("asked", "", {"held": Decimal(10)})
    assert not broker.held
