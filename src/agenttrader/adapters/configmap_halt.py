"""The halt switch that is a ConfigMap of the cluster, `agenttrader-kill-switch`: its key says `0` or `1`.

It is watched through the cluster's API, because a mounted file lags behind it by a minute. A watch that has
died looks like one with nothing to tell, so the map is also asked for every second; what was last heard
longer ago than it may be is a halt, as is everything but a `0`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import httpx2
import msgspec
import yaml  # type: ignore[import-untyped]  # what reads the kubeconfig for the library
from lightkube import AsyncClient, KubeConfig
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ApiError, ConfigError, LoadResourceError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import ConfigurationError, StoreError
from agenttrader.model.times import SECOND, Duration
from agenttrader.ports.clock import BootClock

ASK_SECONDS = 1.0
"""How often the map is asked for, whatever the watch tells."""
ANSWER_SECONDS = 2.0
"""How long the cluster may take to answer."""
WATCH_SECONDS = 60
"""How long one watch lasts before the next one begins."""
AGAIN_SECONDS = 0.5
"""The pause after a failure."""

MISSING = ConfigMap(metadata=ObjectMeta())
"""What a map that is not there says: nothing."""

UNUSABLE = (
    ApiError,
    ConfigError,
    LoadResourceError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    msgspec.ValidationError,
    msgspec.DecodeError,
    KeyError,
    OSError,
)
"""What a cluster that answers wrongly, or not at all, raises: a proxy's 502 without a type is a KeyError."""


class ConfigMapHalt:
    """The switch in one key of one ConfigMap, fed by `follow`; implements `ports.halt_switch.HaltSwitch`."""

    name = "configmap"
    """What operators and configuration call it."""

    is_movable = True
    """Opening a window moves it to 0, closing to 1."""

    def __init__(
        self,
        cluster: SingleConfig,
        *,
        namespace: str,
        config_map: str,
        key: str,
        silence_seconds_max: int,
        clock: BootClock,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._config_map = config_map
        self._key = key
        self._silence_max = Duration(silence_seconds_max * SECOND)
        self._clock = clock
        self._heard: tuple[SwitchReading, Duration] | None = None
        """The last word, and when it came."""
        self._told = 0
        """How often the watch has told: an answer that was asked for before it told is out of date."""
        self._trouble = "the cluster has not been heard yet"

    def read(self) -> SwitchReading:
        """The switch as it was last heard; HALTED where that is too long ago, or nothing was heard."""
        if self._heard is not None:
            reading, heard_at = self._heard
            if self._clock.elapsed() - heard_at <= self._silence_max:
                return reading
        return self._reading(
            TradingState.HALTED,
            f"expected to hear of {self._where} at least every {self._silence_max // SECOND} s, "
            f"found silence: {self._trouble}",
        )

    def move(self, *, halted: bool, reason: str) -> None:
        """Patch the key to 1 or 0 and read it back. Raises StoreError, naming `reason`, where it is not."""
        wanted = "1" if halted else "0"
        try:
            # In a loop of its own: whoever moves a switch does it in a thread. The library's client without
            # a loop cannot be closed.
            found = asyncio.run(self._patched(wanted))
        except UNUSABLE as error:
            raise StoreError(
                f"{self._where}: expected to set the halt switch to {wanted} ({reason}), found: "
                f"{_words(error)}. Set it with kubectl, or mend the cluster"
            ) from error
        self._told += 1
        self._hear(found)
        if (found.data or {}).get(self._key) != wanted:
            raise StoreError(
                f"{self._where}: expected {wanted} after setting the halt switch ({reason}), found "
                f"{(found.data or {}).get(self._key)!r}: somebody else moves it too"
            )

    async def _patched(self, wanted: str) -> ConfigMap:
        client = self._client()
        try:
            await client.patch(
                ConfigMap, self._config_map, {"data": {self._key: wanted}}, namespace=self._namespace
            )
            return await client.get(ConfigMap, self._config_map, namespace=self._namespace)
        finally:
            await client.aclose()

    async def follow(self) -> None:
        """Hear of the map until canceled."""
        client = self._client()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._again_and_again(lambda: self._watch(client)))
                tasks.create_task(self._again_and_again(lambda: self._ask(client)))
        finally:
            await client.aclose()

    def _client(self) -> AsyncClient:
        return AsyncClient(self._cluster, timeout=httpx2.Timeout(ANSWER_SECONDS), trust_env=False)

    async def _again_and_again(self, hear: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start anew after each failure: nothing that a cluster says ends the process."""
        while True:
            try:
                await hear()
            except UNUSABLE as error:
                self._trouble = _words(error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _watch(self, client: AsyncClient) -> None:
        watched = client.watch(
            ConfigMap,
            namespace=self._namespace,
            fields={"metadata.name": self._config_map},
            server_timeout=WATCH_SECONDS,
        )
        async for word, found in watched:
            self._told += 1
            self._hear(MISSING if word == "DELETED" else found)

    async def _ask(self, client: AsyncClient) -> None:
        while True:
            told = self._told
            try:
                found = await client.get(ConfigMap, self._config_map, namespace=self._namespace)
            except httpx2.HTTPStatusError as error:
                if error.response.status_code != HTTPStatus.NOT_FOUND:
                    raise
                found = MISSING
            if told == self._told:
                self._hear(found)
            await asyncio.sleep(ASK_SECONDS)

    def _hear(self, found: ConfigMap) -> None:
        self._heard = (self._judge((found.data or {}).get(self._key)), self._clock.elapsed())

    def _judge(self, text: str | None) -> SwitchReading:
        match text:
            case "0":
                return self._reading(TradingState.ACTIVE, f"{self._where} is 0")
            case "1":
                return self._reading(TradingState.HALTED, f"{self._where} is 1")
            case _:
                found = "none" if text is None else repr(text)
                return self._reading(TradingState.HALTED, f"expected 0 or 1 in {self._where}, found {found}")

    @property
    def _where(self) -> str:
        return f"ConfigMap {self._namespace}/{self._config_map} key {self._key}"

    def _reading(self, state: TradingState, reason: str) -> SwitchReading:
        return SwitchReading(name=self.name, state=state, reason=reason)


def read_cluster(kubeconfig: str | None) -> SingleConfig:
    """The cluster of a kubeconfig file, or without one that of the pod's own service account.

    Raises ConfigurationError where it cannot be read.
    """
    try:
        found = KubeConfig.from_service_account() if kubeconfig is None else KubeConfig.from_file(kubeconfig)
        cluster = found.get()
        assert cluster is not None, "without a default to fall back on it raises"
        return cluster
    except (*UNUSABLE, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"[switches.configmap] kubeconfig: expected a cluster in {kubeconfig or 'the service account'}, "
            f"found: {_words(error)}"
        ) from error


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
