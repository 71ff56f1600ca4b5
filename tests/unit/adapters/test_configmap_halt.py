"""The switch against a small API over real sockets, by the client that the cluster's own users have."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agenttrader.adapters import configmap_halt
from agenttrader.adapters.clocks import MonotonicClock
from agenttrader.adapters.configmap_halt import ConfigMapHalt, read_cluster
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import ConfigurationError, StoreError
from agenttrader.model.times import SECOND, Duration
from agenttrader.testing.small_cluster import CONFIG_MAP, KEY, NAMESPACE, SmallCluster

SILENCE_SECONDS_MAX = 3
PROMISED_SECONDS = 1.0

pytestmark = pytest.mark.timeout(60)


class LateClock(MonotonicClock):
    """The machine's own, and as late as a test says."""

    late = Duration(0)

    def elapsed(self) -> Duration:
        return Duration(super().elapsed() + self.late)


def made(cluster: SmallCluster, clock: MonotonicClock | None = None) -> ConfigMapHalt:
    return ConfigMapHalt(
        cluster.config,
        namespace=NAMESPACE,
        config_map=CONFIG_MAP,
        key=KEY,
        silence_seconds_max=SILENCE_SECONDS_MAX,
        clock=clock or MonotonicClock(),
    )


@contextlib.asynccontextmanager
async def followed(
    value: str | None = "0", clock: MonotonicClock | None = None
) -> AsyncIterator[tuple[SmallCluster, ConfigMapHalt]]:
    async with SmallCluster(value).served() as cluster:
        switch = made(cluster, clock)
        following = asyncio.create_task(switch.follow())
        try:
            yield cluster, switch
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following


async def until(holds: Callable[[], bool], seconds: float = 10) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it never came"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def says(switch: ConfigMapHalt, state: TradingState, reason: str = "") -> Callable[[], bool]:
    def holds() -> bool:
        reading = switch.read()
        return reading.state is state and reason in reading.reason

    return holds


async def test_what_was_never_heard_halts() -> None:
    async with SmallCluster("0").served() as cluster:
        reading = made(cluster).read()
    assert reading.state is TradingState.HALTED
    assert "found silence: the cluster has not been heard yet" in reading.reason


async def test_a_zero_permits_and_a_one_halts_within_the_second() -> None:
    async with followed() as (cluster, switch):
        await until(says(switch, TradingState.ACTIVE, f"{NAMESPACE}/{CONFIG_MAP} key {KEY} is 0"))
        await cluster.set("1")
        assert await until(says(switch, TradingState.HALTED, "is 1")) < PROMISED_SECONDS
        await cluster.set("0")
        assert await until(says(switch, TradingState.ACTIVE)) < PROMISED_SECONDS


@pytest.mark.parametrize("text", ("", "2", "true", "00", " 0", "0\n"))
async def test_any_other_word_halts(text: str) -> None:
    async with followed(text) as (_, switch):
        await until(says(switch, TradingState.HALTED, f"expected 0 or 1 in ConfigMap {NAMESPACE}/"))


async def test_a_map_that_is_taken_away_halts_within_the_second() -> None:
    async with followed() as (cluster, switch):
        await until(says(switch, TradingState.ACTIVE))
        await cluster.set(None)
        assert await until(says(switch, TradingState.HALTED, "found none")) < PROMISED_SECONDS


async def test_a_map_that_was_never_there_halts() -> None:
    async with followed(None) as (_, switch):
        await until(says(switch, TradingState.HALTED, "found none"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster is asked, waited for and tried again at a tenth of the time."""
    monkeypatch.setattr(configmap_halt, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(configmap_halt, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(configmap_halt, "AGAIN_SECONDS", 0.05)


@pytest.mark.usefixtures("quick")
async def test_a_watch_that_has_died_is_not_believed() -> None:
    async with followed() as (cluster, switch):
        await until(says(switch, TradingState.ACTIVE))
        cluster.has_watch = False
        await cluster.set("1")
        await until(says(switch, TradingState.HALTED, "is 1"))


@pytest.mark.usefixtures("quick")
async def test_a_cluster_that_falls_silent_halts() -> None:
    clock = LateClock()
    async with followed(clock=clock) as (cluster, switch):
        await until(says(switch, TradingState.ACTIVE))
        cluster.is_silent = True
        await asyncio.sleep(0.1)
        clock.late = Duration((SILENCE_SECONDS_MAX + 1) * SECOND)
        assert says(switch, TradingState.HALTED, "at least every 3 s, found silence")()
        cluster.is_silent = False
        await until(says(switch, TradingState.ACTIVE))


@pytest.mark.parametrize("status", (401, 403, 500, 502))
@pytest.mark.usefixtures("quick")
async def test_a_cluster_that_refuses_halts_and_is_believed_again(status: int) -> None:
    clock = LateClock()
    async with followed(clock=clock) as (cluster, switch):
        await until(says(switch, TradingState.ACTIVE))
        cluster.status = status
        clock.late = Duration((SILENCE_SECONDS_MAX + 1) * SECOND)
        await until(says(switch, TradingState.HALTED, "found silence"))
        cluster.status = 200
        await until(says(switch, TradingState.ACTIVE))


async def test_moving_is_read_back() -> None:
    async with followed() as (cluster, switch):
        await asyncio.to_thread(switch.move, halted=True, reason="the window is closed")
        assert (cluster.value, cluster.patches) == ("1", ["1"])
        assert says(switch, TradingState.HALTED)()
        await asyncio.to_thread(switch.move, halted=False, reason="a window is opened")
        assert says(switch, TradingState.ACTIVE)()


async def test_a_move_that_fails_says_what_to_do() -> None:
    async with followed() as (cluster, switch):
        cluster.status = 403
        with pytest.raises(
            StoreError, match=r"expected to set the halt switch to 1 \(drill\), found: ApiError"
        ):
            await asyncio.to_thread(switch.move, halted=True, reason="drill")


async def test_a_cluster_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    async with SmallCluster("0").served() as cluster:
        file.write_text(cluster.kubeconfig)
        assert read_cluster(str(file)).cluster.server == cluster.address


@pytest.mark.parametrize("content", (None, "", "{", "apiVersion: v1\nkind: Config\n"))
def test_what_names_no_cluster_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"\[switches.configmap\] kubeconfig: expected a cluster in"):
        read_cluster(str(file))


def test_outside_a_cluster_there_is_no_service_account() -> None:
    with pytest.raises(ConfigurationError, match="expected a cluster in the service account, found"):
        read_cluster(None)
