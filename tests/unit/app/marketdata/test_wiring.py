import asyncio
import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agenttrader.adapters.pacer import Pace
from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.demo.setup import Chosen, Wish, prepare
from agenttrader.app.demo.wiring import maker
from agenttrader.app.marketdata.wiring import wire_marketdata
from agenttrader.app.prices import Recorded
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.testing.recordings import trade_rows, write_trades


def configuration(folder: Path, changes: Mapping[str, str]) -> Configuration:
    """The demo's with other values, and a number wherever its template leaves a hash out."""
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    for name, value in changes.items():
        text, count = re.subn(rf"(?m)^{name} = [^#\n]*", f"{name} = {value} ", text)
        assert count == 1, name
    path = folder / "run.toml"
    path.write_text(text)
    return load(path, environment={})


@pytest.mark.parametrize(("speed", "found"), (("8", 8), ('"max"', "max")))
def test_the_source_is_as_configured_and_says_that_it_is_generated(
    tmp_path: Path, speed: str, found: int | str
) -> None:
    settings = configuration(tmp_path, {"date": '"2026-11-27"', "seed": "11", "speed": speed})
    with capture_logs() as logs:
        parts = wire_marketdata(settings, {})
    assert parts.pace is not None
    pace = parts.pace()
    assert isinstance(pace, Pace)
    assert (pace.session, pace.origin, pace.speed) == ("2026-11-27", "seed 11", found)
    assert sorted(pace.settled) == ["demo", "exits", "strategy"]
    assert (parts.feed, parts.health().forced_stale) == ("generated", False)
    assert parts.notice.startswith("generated market data")
    assert sorted(parts.keys) == ["demo-exits", "demo-gateway", "demo-show", "demo-strategy", "demo-venue"]
    [entry] = logs
    assert (entry["event"], entry["digest"], entry["seed"]) == ("day_generated", pace.digest, 11)
    assert entry["notice"] == parts.notice


@pytest.mark.parametrize(
    ("changes", "words"),
    (
        ({"date": '"2026-11-26"'}, r"\[marketdata\] date: expected a session of XNYS, found 2026-11-26"),
        ({"ALFA": '"48.205"'}, r"\[marketdata\] previous close of ALFA: expected a multiple of 0.01"),
    ),
)
def test_a_day_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        wire_marketdata(configuration(tmp_path, changes), {})


@pytest.mark.parametrize(
    ("value", "stale"), (("1", True), ("true", True), ("0", False), ("FALSE", False), ("", False))
)
def test_the_drill_is_asked_for_by_a_variable(tmp_path: Path, value: str, stale: bool) -> None:  # noqa: FBT001
    parts = wire_marketdata(configuration(tmp_path, {}), {"MARKETDATA_FORCE_STALE": value})
    assert parts.health().forced_stale is stale


def test_a_drill_that_cannot_be_understood_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MARKETDATA_FORCE_STALE: expected 1 or 0, found 'maybe'"):
        wire_marketdata(configuration(tmp_path, {}), {"MARKETDATA_FORCE_STALE": "maybe"})


async def test_what_the_pacer_tells_is_broadcast_and_moves_the_clock(tmp_path: Path) -> None:
    parts = wire_marketdata(configuration(tmp_path, {"barrier": '["strategy"]', "speed": '"max"'}), {})
    assert parts.ready() == "the session's open"
    assert not parts.health().ok
    session_open = from_rfc3339("2026-11-20T14:30:00Z")
    assert parts.settle is not None
    parts.settle("strategy", Instant(session_open + 3 * MINUTE))
    task = asyncio.create_task(parts.work())
    async with asyncio.timeout(5):
        while parts.broadcast.watermark != session_open + 4 * MINUTE:  # noqa: ASYNC110
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert parts.ready() is None
    for symbol in ("ALFA", "BRVO", "CHRL", "DLTA", "ECHO", "FXTR"):
        assert parts.broadcast.history.bars(Symbol(symbol)).latest is not None
    health = parts.health()
    assert (health.ok, health.age_seconds, health.max_age_seconds) == (True, 0, 180)


def recorded(folder: Path, digest: str | None = None) -> Configuration:
    """A configuration that plays a recorded day, made as the demo makes one."""
    write_trades(folder / "data", "XYZ", [*trade_rows("2014-06-06"), trade_rows("2014-06-06")[3]])
    chosen = Chosen(folder=folder / "data", symbol=Symbol("XYZ"), day="2014-06-06")
    run = prepare(folder, Wish(recorded=chosen), maker(), Instant(0))
    prices = run.configuration.marketdata.prices
    if digest is None:
        return run.configuration
    assert isinstance(prices, Recorded)
    run.path.write_text(run.path.read_text().replace(prices.files_sha256, digest))
    return load(run.path, environment={})


def test_a_recorded_source_says_so_and_logs_what_was_found_in_its_files(tmp_path: Path) -> None:
    settings = recorded(tmp_path)
    with capture_logs() as logs:
        parts = wire_marketdata(settings, {})
    assert parts.feed == settings.marketdata.source == "recorded"
    assert parts.notice.startswith("recorded market data: prices that XYZ had on 2014-06-06")
    assert parts.pace is not None
    pace = parts.pace()
    assert isinstance(pace, Pace)
    assert (pace.feed, pace.origin) == ("recorded", "XYZ from XYZ_trade.csv.gz")
    [entry] = logs
    assert (entry["event"], entry["feed"], entry["digest"]) == ("day_recorded", "recorded", pace.digest)
    assert entry["notice"] == parts.notice
    assert (entry["data"]["rows"], entry["data"]["repaired"]) == (391, {"order": 1, "doubled": 1})


def test_files_other_than_those_of_the_run_are_refused(tmp_path: Path) -> None:
    settings = recorded(tmp_path, "0" * 64)
    with pytest.raises(ConfigurationError, match=r"\[marketdata\] .*refused by rule changed"):
        wire_marketdata(settings, {})
