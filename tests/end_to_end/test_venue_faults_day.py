"""A whole day of the demo at a venue that fails: the same fills, the same money, the same digest."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.app.config import demo_template
from agenttrader.app.demo import setup, wiring
from agenttrader.app.demo.perform import perform
from agenttrader.app.demo.setup import Wish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FAULTS = """
[venue.faults]
listen = "127.0.0.1:0"
token_sha256 = "abababababababababababababababababababababababababababababababab"
seed = 7

[[venue.faults.planned]]
fault = "lost_answer"
only = ["POST /v2/orders"]
per_mille = 100
times = "always"
when = "after"

[[venue.faults.planned]]
fault = "error_answer"
only = ["POST /v2/orders"]
per_mille = 100
times = "always"
when = "after"
status = 504

[[venue.faults.planned]]
fault = "doubled_message"
only = []
per_mille = 200
times = "always"

[[venue.faults.planned]]
fault = "reordered_message"
only = []
per_mille = 100
times = "always"
milliseconds = 100

[[venue.faults.planned]]
fault = "cut_stream"
only = []
per_mille = 50
times = 2

[[venue.faults.planned]]
fault = "restart"
only = ["POST /v2/orders"]
per_mille = 100
times = 1
when = "after"
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Play the demo's day with more in its configuration; the summary, and the faults that struck."""
    # The roles run the code that is tested, wherever it lies.
    monkeypatch.setattr(wiring, "KNOWN_TO_ROLES", (*wiring.KNOWN_TO_ROLES, "PYTHONPATH"))

    def played(faults: str) -> dict[str, Any]:
        monkeypatch.setattr(setup, "demo_template", lambda: demo_template() + faults)
        home = tmp_path / str(len(list(tmp_path.iterdir())))
        environment = os.environ | {"AGENTTRADER_HOME": str(home)}
        summaries: list[dict[str, Any]] = []
        wish = Wish(seed=7, speed="max")
        day = perform(
            wish,
            environment,
            lambda *_: None,
            asyncio.Event(),
            stays=False,
            reports=home / "reports",
            ended=summaries.append,
        )
        asyncio.run(day)
        (log,) = home.glob("demo/*/logs/venue.log")
        lines = map(msgspec.json.decode, log.read_bytes().splitlines())
        struck = [line["fault"] for line in lines if line.get("event") == "fault_struck"]
        return summaries[-1] | {"struck": struck}

    return played


def test_a_day_of_faults_is_the_day_that_it_is_without_them(play: Callable[[str], dict[str, Any]]) -> None:
    quiet, loud = play(""), play(FAULTS)
    assert quiet["struck"] == []
    assert {"lost_answer", "doubled_message", "reordered_message", "cut_stream"} <= set(loud["struck"])
    assert loud["reconciliation"] == {"breaks": 0}
    assert loud["journal"]["verified"]
    for known in ("orders", "fills", "profit", "digest"):
        assert loud[known] == quiet[known], known
