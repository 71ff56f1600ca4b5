"""A cluster's API as far as one ConfigMap goes: asked for, watched, patched; and as faulty as a test asks."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from aiohttp import web
from lightkube import KubeConfig
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, User

NAMESPACE, CONFIG_MAP, KEY = "trading-floor", "agenttrader-kill-switch", "EXECUTION_HALTED"
TOKEN = "a service account's"  # noqa: S105 - of a cluster that is none
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


class SmallCluster:
    """One ConfigMap, `value` in its key; None where there is no map."""

    def __init__(self, value: str | None) -> None:
        self.value = value
        self.version = 1
        self.status = 200
        """What every request is answered with; 200 is the truth."""
        self.is_silent = False
        """Whether no request is answered, and no watch told anything."""
        self.has_watch = True
        """Whether watches are told; without it they stay open and say nothing."""
        self.patches: list[str] = []
        self.address = ""
        self._changed = asyncio.Condition()

    @property
    def config(self) -> SingleConfig:
        """How a client reaches it."""
        found = KubeConfig.from_one(
            cluster=Cluster(server=self.address), user=User(token=TOKEN), namespace=NAMESPACE
        ).get()
        assert found is not None
        return found

    @property
    def kubeconfig(self) -> str:
        """How a client reaches it, as the file that a person has."""
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
                "clusters": [{"name": "here", "cluster": {"server": self.address}}],
                "users": [{"name": "here", "user": {"token": TOKEN}}],
            }
        )

    async def set(self, value: str | None) -> None:
        """Change the map, or take it away, as somebody with kubectl does."""
        async with self._changed:
            self.value, self.version = value, self.version + 1
            self._changed.notify_all()

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator["SmallCluster"]:
        """Listen on a free port of this machine, while the block lasts."""
        app = web.Application()
        app.router.add_get(MAPS, self._watched)
        app.router.add_get(f"{MAPS}/{CONFIG_MAP}", self._asked)
        app.router.add_patch(f"{MAPS}/{CONFIG_MAP}", self._patched)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        if (refused := await self._refusal_of(request)) is not None:
            return refused
        return web.json_response(self._map()) if self.value is not None else _failure(404)

    async def _patched(self, request: web.Request) -> web.StreamResponse:
        if (refused := await self._refusal_of(request)) is not None:
            return refused
        wanted = (await request.json())["data"][KEY]
        self.patches.append(wanted)
        await self.set(wanted)
        return web.json_response(self._map())

    async def _watched(self, request: web.Request) -> web.StreamResponse:
        if (refused := await self._refusal_of(request)) is not None:
            return refused
        assert request.query["fieldSelector"] == f"metadata.name={CONFIG_MAP}", request.query
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        told = 0
        while True:
            told, word = await self._next(told)
            if self.has_watch and not self.is_silent and word:
                await response.write(f"{json.dumps({'type': word, 'object': self._map()})}\n".encode())

    async def _next(self, told: int) -> tuple[int, str]:
        """The version after `told`, and what became of the map; nothing where there was none before, too."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.version > told)
            if self.value is None:
                return self.version, "DELETED" if told else ""
            return self.version, "MODIFIED" if told else "ADDED"

    async def _refusal_of(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _failure(HTTPStatus.UNAUTHORIZED)
        if self.is_silent:
            await asyncio.Event().wait()
        return None if self.status == HTTPStatus.OK else _failure(self.status)

    def _map(self) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "namespace": NAMESPACE, "resourceVersion": str(self.version)},
            "data": {} if self.value is None else {KEY: self.value},
        }


def _failure(status: int) -> web.Response:
    """As the API says no. A proxy before it says 502 in words of its own."""
    if status == HTTPStatus.BAD_GATEWAY:
        return web.Response(status=status, body=b"<html>", headers={"Content-Type": ""})
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "code": status}
    # As the real one: with a charset beside it lightkube would not read the body.
    headers = {"Content-Type": "application/json"}
    return web.Response(status=status, body=json.dumps(said).encode(), headers=headers)
