"""The exits unit as a process, at a venue, market data and a gateway that are processes too."""

import asyncio
import secrets
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus
from alpaca.trading.models import Order
from alpaca.trading.requests import ClosePositionRequest

from agenttrader.adapters.exit_checkpoints import FILE
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.adapters.persons import sign
from agenttrader.app.gateway.status import StatusBody
from agenttrader.app.operators.acts import Operator, Pen
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.credentials import Secret
from agenttrader.model.events import BreakFound, BreakSettled
from agenttrader.model.orders import Effect
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.protocols.native import TradingBody
from agenttrader.testing.exits_day import ExitsDay, Minute, flat
from agenttrader.testing.played_day import PERSON, playing

pytestmark = pytest.mark.timeout(180)
D = Decimal


def at(*prices: int) -> list[Minute]:
    """A minute at each price, enough of it for every order."""
    return [minute for price in prices for minute in flat(price)]


async def halt(day: ExitsDay, state: str) -> None:
    body = {"scope": ["everything", ""], "state": state, "reason": "a test"}
    await day.say("/v1/halt", body, TradingBody)


async def metrics(day: ExitsDay) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{day.address('exits')}/metrics") as answer:
        return await answer.text()


@pytest.mark.parametrize("inbox", ("watermark", pytest.param("arrival", marks=pytest.mark.slow)))
async def test_without_its_agent_and_over_a_gateways_restart_a_position_is_left_by_its_trail_once(
    inbox: str, tmp_path: Path
) -> None:
    async with playing(ExitsDay(tmp_path, [*flat(100, 4), *at(102, 104, 106, 105, 101)], inbox)) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10)
        await day.bars(3)
        held = await day.position()
        assert held is not None
        assert (held.quantity, held.protected_quantity, held.stop) == (D(10), D(10), D(90))
        await day.restarted()
        await day.settled()
        await day.bars(3)
        assert day.asked(Effect.CLOSE) == []
        assert 'agenttrader_exits_positions{protection="covered"} 1.0' in await metrics(day)
        await day.bars(4)
        assert await day.position() is None
        assert await day.held_at_venue() == 0
        (close,) = day.asked(Effect.CLOSE)
        assert close.proposal.reason.startswith("trailing: 101 is 5 from 106")
        assert day.asked(Effect.REDUCE) == []
        assert await day.working() == []
        assert min(day.holdings()) == 0
        assert day.unprotected() == []


async def test_what_an_entry_has_filled_in_part_is_covered_in_time_and_left_by_its_stop(
    tmp_path: Path,
) -> None:
    minutes = [*flat(100, 3), *flat(100, 1, volume=200), *at(*[103] * 8, 96, 89)]
    async with playing(ExitsDay(tmp_path, minutes)) as day:
        await day.bar()
        await day.open_window()
        plan = {"stop": "90.00", "target": "130.00"}
        await day.bars(2)
        await day.enter(50, type="limit", limit_price="100", exit_plan=plan)
        await day.bars(2)
        held = await day.position()
        assert held is not None
        assert held.quantity == D(20)
        await day.bars(3)
        held = await day.position()
        assert held is not None
        assert (held.quantity, held.protected_quantity, held.stop) == (D(20), D(20), D(90))
        assert [each.proposal.quantity for each in day.asked(Effect.REDUCE)] == [20]
        assert sorted((each["type"], each["qty"], each["time_in_force"]) for each in await day.working()) == [
            ("limit", "20", "gtc"),
            ("stop", "20", "gtc"),
        ]
        # While the gateway is gone, the stop rests; when it is back, nothing is protected twice.
        await day.restarted()
        await day.settled()
        await day.bars(3)
        assert len(await day.working()) == 2
        await day.bars(5)
        assert await day.held_at_venue() == 0
        assert await day.working() == []
        assert day.asked(Effect.CLOSE) == []
        assert len(day.asked(Effect.REDUCE)) == 1
        assert min(day.holdings()) == 0
        assert day.unprotected() == []


@pytest.mark.slow
async def test_while_halted_it_leaves_by_the_plan_though_it_died_and_while_frozen_nothing_leaves(
    tmp_path: Path,
) -> None:
    async with playing(ExitsDay(tmp_path, at(*[100] * 4, 106, 101, 101, *[100] * 3, 106, 101))) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10)
        await day.bars(3)
        await halt(day, "halted")
        await day.bar()
        assert '"best":"106"' in (tmp_path / "exits" / FILE).read_text()
        day.kill("exits")
        day.start("exits")
        await day.until(lambda: day.address("exits"))
        await day.bars(3)
        assert await day.held_at_venue() == 0
        assert len(day.asked(Effect.CLOSE)) == 1
        assert (await day.ask("/v1/status", StatusBody)).trading.state == "halted"

    frozen = tmp_path / "frozen"
    frozen.mkdir()
    async with playing(ExitsDay(frozen, at(*[100] * 4, 106, 101, 101, 101))) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10)
        await day.bars(3)
        await halt(day, "frozen")
        await day.bars(5)
        assert await day.held_at_venue() == 10
        assert day.asked(Effect.CLOSE) == []
        assert len(await day.working()) == 2, "protection that rests is the broker's"


def of_a_bot(tables: dict[str, Any]) -> None:
    """Let the agent run no strategy, as one that speaks in Alpaca's words; the same count for ten minutes."""
    tables["strategy"]["run"] = []
    tables["agents"]["momentum"] |= {"strategies": [], "dedupe_window_seconds": 600}
    tables["limits"]["strategy"] = {}


async def test_what_stays_of_a_position_that_is_closed_in_part_is_protected_by_its_plan(
    tmp_path: Path,
) -> None:
    async with playing(ExitsDay(tmp_path, at(*[100] * 7, 95, 89), change=of_a_bot)) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10, strategy="")
        await day.bars(2)
        client = TradingClient("momentum", day.key_of("momentum"), url_override=day.address("gateway"))
        part = ClosePositionRequest(percentage="40")
        closing = cast("Order", await asyncio.to_thread(client.close_position, "ALFA", part))
        assert (closing.side, closing.qty) == (OrderSide.SELL, "4")
        await day.bars(2)
        again = cast("Order", await asyncio.to_thread(client.close_position, "ALFA", part))
        assert (again.id, again.status, again.filled_qty) == (closing.id, OrderStatus.FILLED, "4")
        held = await day.position()
        assert held is not None
        assert (held.quantity, held.protected_quantity, held.stop) == (D(6), D(6), D(90))
        assert sorted((each["type"], each["qty"], each["time_in_force"]) for each in await day.working()) == [
            ("limit", "6", "gtc"),
            ("stop", "6", "gtc"),
        ]
        await day.bars(4)
        assert await day.held_at_venue() == 0
        assert day.holdings() == [10, 6, 0]
        assert day.unprotected() == []


async def test_an_exit_that_is_denied_again_and_again_halts_its_symbol_until_it_leaves(
    tmp_path: Path,
) -> None:
    alfa = Scope(ScopeKind.SYMBOL, "ALFA")
    async with playing(ExitsDay(tmp_path, at(*[100] * 4, 106, 101))) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10)
        await day.bars(3)
        frozen = {"scope": ["symbol", "ALFA"], "state": "frozen", "reason": "a test"}
        await day.say("/v1/halt", frozen, TradingBody)
        await day.bars(6)
        reasons = (await day.ask("/v1/status", StatusBody)).trading.reasons
        (doubt,) = [each for each in reasons if "break doubt" in each]
        assert doubt.startswith("only symbol ALFA is halted by break doubt: its orders to close were denied")
        async with OperatorClient(lambda: day.address("gateway"), Secret(day.token)) as person:
            operator = Operator(person, lambda: Instant(time.time_ns()), lambda: secrets.token_hex(16))
            await operator.resume(Pen(PERSON, lambda said: sign(said, day.key)), alfa, "looked")
        await day.bars(3)
        assert await day.held_at_venue() == 0
        assert (await day.ask("/v1/status", StatusBody)).trading.reasons == ()
        found = [each for each in day.journal() if isinstance(each, BreakFound | BreakSettled)]
        assert [type(each) for each in found] == [BreakFound, BreakSettled]
        assert len(day.asked(Effect.CLOSE)) == 1


@pytest.mark.slow
async def test_a_stop_a_target_and_two_closes_race_and_it_ends_flat_once(tmp_path: Path) -> None:
    """Minutes that meet stop and target, while the agent and the trail both want to leave."""
    wild: Minute = (92, 108, 100, 100_000)
    calm = at(*[100] * 3)
    near = {"stop": "93.00", "target": "107.00", "trail": "4.00"}
    minutes = [*flat(100, 3)]
    for _ in range(6):
        minutes += [*calm, wild, *calm]
    async with playing(ExitsDay(tmp_path, minutes)) as day:
        await day.bar()
        await day.open_window()
        await day.bars(2)
        for number in range(6):
            await day.enter(10, reason=f"round {number}", exit_plan=near)
            await day.bars(3)
            assert await day.held_at_venue() == 10
            leaving = day.propose(
                effect="close",
                side="sell",
                type="market",
                quantity="10",
                limit_price=None,
                exit_plan=None,
                decision_price="100",
                reason=f"enough of round {number}",
            )
            if number % 2:
                _, answer = await asyncio.gather(day.bar(), leaving)
            else:
                answer = await leaving
                await day.bar()
            assert answer.get("state"), answer
            await day.bars(3)
            assert await day.held_at_venue() == 0
            assert await day.working() == []
        assert min(day.holdings()) == 0
        assert max(day.holdings()) == 10
        assert day.unprotected() == []
        assert len(day.asked(Effect.CLOSE)) <= 6


@pytest.mark.slow
async def test_what_the_close_leaves_bare_is_protected_for_the_next_session(tmp_path: Path) -> None:
    async with playing(ExitsDay(tmp_path, flat(100, 4))) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10)
        await day.bars(3)
        assert {each["time_in_force"] for each in await day.working()} == {"day"}
        while from_rfc3339(str((await day.ask("/v1/status", StatusBody)).now)) < day.session.close:
            await day.bar()

        async def rests() -> bool:
            held = await day.position()
            return held is not None and held.protected_quantity == 10

        for _ in range(500):
            if await rests():
                break
            await asyncio.sleep(0.02)
        assert await rests(), day.logs()
        working = await day.working()
        assert sorted((each["type"], each["qty"], each["time_in_force"]) for each in working) == [
            ("limit", "10", "gtc"),
            ("stop", "10", "gtc"),
        ]
        (protection,) = day.asked(Effect.REDUCE)
        assert protection.proposal.decision_time == day.session.close
        assert await day.held_at_venue() == 10
        assert day.unprotected() == []


@pytest.mark.slow
async def test_a_kill_that_liquidates_while_the_trail_fires_ends_flat(tmp_path: Path) -> None:
    async with playing(ExitsDay(tmp_path, at(*[100] * 4, 106, 101))) as day:
        await day.bar()
        await day.open_window()
        await day.enter(10)
        await day.bars(4)
        words = (
            "kill",
            "--confirm",
            "HALT TRADING",
            "--cancel-orders",
            "--liquidate",
            "--including-protective",
        )
        killing = asyncio.create_task(day.type(*words))
        while not killing.done():
            await day.bar()
            await asyncio.sleep(0.1)
        code, told = await killing
        assert code == ExitCode.DONE, told
        assert await day.at_venue("/v2/positions") == []
        assert await day.working() == []
        fills = [each for each in await day.at_venue("/v2/orders?status=closed") if each["filled_qty"] != "0"]
        assert sorted((each["side"], each["filled_qty"]) for each in fills) == [("buy", "10"), ("sell", "10")]
        await day.bars(2)
        assert day.processes["exits"].poll() is None, day.logs()
