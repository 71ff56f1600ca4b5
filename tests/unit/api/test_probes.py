from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Counter

from agenttrader.api.probes import Application, nothing_else, with_probes


async def ask(app: Application, path: str, method: str = "GET") -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "path": path, "method": method, "headers": []}, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_a_role_that_waits_is_live_and_says_what_it_waits_for() -> None:
    app = with_probes(nothing_else, "gateway", lambda: "the venue's watermark", CollectorRegistry())
    assert (await ask(app, "/livez"))[0] == 200
    for path in ("/readyz", "/healthz"):
        status, body = await ask(app, path)
        assert status == 503
        expected = {"service": "gateway", "ok": False, "waits_for": "the venue's watermark"}
        assert msgspec.json.decode(body) == expected


async def test_a_role_that_is_ready_says_so() -> None:
    app = with_probes(nothing_else, "gateway", lambda: None, CollectorRegistry())
    assert (await ask(app, "/readyz"))[0] == 200


async def test_metrics_are_in_the_exposition_format() -> None:
    registry = CollectorRegistry()
    Counter("orders", "Orders seen.", registry=registry).inc(3)
    status, body = await ask(with_probes(nothing_else, "gateway", lambda: None, registry), "/metrics")
    assert status == 200
    assert b"orders_total 3.0" in body


async def test_only_reading_is_allowed_and_other_paths_are_the_applications() -> None:
    app = with_probes(nothing_else, "gateway", lambda: None, CollectorRegistry())
    assert (await ask(app, "/livez", "POST"))[0] == 405
    assert (await ask(app, "/v1/orders"))[0] == 404


async def test_a_path_of_its_own_goes_to_the_application() -> None:
    app = with_probes(nothing_else, "marketdata", lambda: None, CollectorRegistry(), own=("/healthz",))
    assert (await ask(app, "/healthz"))[0] == 404
    assert (await ask(app, "/readyz"))[0] == 200
