import itertools
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.strategy_checkpoints import StrategyCheckpoints
from agenttrader.app.config import demo_template, load
from agenttrader.app.strategy import wiring as module
from agenttrader.app.strategy.wiring import StrategyParts, wire_strategy
from agenttrader.indicators.compiled import compile_kernels
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.strategies.memory import Memory, memory_of

KERNELS = Path(__file__).parents[4] / "var" / "test" / "kernels"


def wired(folder: Path, *changes: tuple[str, str]) -> StrategyParts:
    """The host of the demo's configuration, with texts of it replaced."""
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    for old, new in changes:
        assert old in text, f"the template has no {old!r}"
        text = text.replace(old, new, 1)
    (folder / "secrets").mkdir()
    for name in ("strategy-gateway", "strategy-marketdata"):
        (folder / "secrets" / name).write_text("secret")
    (folder / "run.toml").write_text(text)
    configuration = load(folder / "run.toml", environment={})
    return wire_strategy(configuration, Announcements(folder / "announcements"), KERNELS)


def refusal(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(ConfigurationError) as refused:
        wired(folder, *changes)
    return str(refused.value)


def test_a_host_that_knows_nobody_yet_says_what_it_waits_for(tmp_path: Path) -> None:
    parts = wired(tmp_path)
    assert parts.ready() == "it waits for the gateway"
    assert len(parts.work) == 3


@pytest.mark.parametrize(
    ("named", "found"),
    (
        ("agenttrader.strategies.momentum:Momentun", "has no attribute 'Momentun'"),
        ("agenttrader.strategies.momentun:Momentum", "No module named"),
        ("agenttrader.strategies.momentum:Decimal", "which is none"),
        ("agenttrader.strategies.momentum:adx", "which is none"),
        (":Momentum", "Empty module name"),
        ("nothing", "No module named"),
    ),
)
def test_a_class_that_is_no_strategy_is_refused(named: str, found: str, tmp_path: Path) -> None:
    text = refusal(tmp_path, ("agenttrader.strategies.momentum:Momentum", named))
    assert text.startswith(
        f"[[strategy.run]] momentum class: expected a Strategy as module:Class, found {named}"
    )
    assert found in text


def test_a_parameter_that_the_strategy_does_not_take_is_refused(tmp_path: Path) -> None:
    text = refusal(tmp_path, ('size = "100"', 'sise = "100"'))
    assert text == (
        "[[strategy.run]] momentum parameters: Momentum: expected a parameter that it declares, "
        "found 'sise'; the nearest is size"
    )


def test_a_value_beyond_the_parameters_bounds_is_refused(tmp_path: Path) -> None:
    text = refusal(tmp_path, ('size = "100"', 'size = "100"\nrsi_low = 100'))
    assert text == "[[strategy.run]] momentum parameters: rsi_low: expected 1 to 99, found 100"


def test_two_strategies_of_one_symbol_are_refused(tmp_path: Path) -> None:
    another = (
        '[[strategy.run]]\nname = "other"\nclass = "agenttrader.strategies.momentum:Momentum"\n'
        'symbols = ["ALFA"]\n[strategy.run.parameters]\n\n'
    )
    where = "# What each role shows its peers."
    permitted = ('strategies = ["momentum"]', 'strategies = ["momentum", "other"]')
    table = "[limits.strategy.momentum]"
    limits = 'gross_exposure_max = "1"\ndaily_orders_max = 1\ndaily_new_risk_max = "1"\n\n'
    limited = (table, f"[limits.strategy.other]\n{limits}{table}")
    text = refusal(tmp_path, (where, another + where), permitted, limited)
    assert text.startswith(
        "[[strategy.run]] other symbols: expected one strategy for ALFA, found it in momentum too"
    )


def remembered(folder: Path, **changes: Any) -> Path:
    """A checkpoint of the demo's strategies, as the process of before left it."""
    wired(folder)
    configuration = load(folder / "run.toml", environment={})
    section = configuration.strategy
    compiled = compile_kernels(str(KERNELS))
    session = read_session(configuration.environment.calendar, configuration.marketdata.date)
    hosted = module._hosted(configuration, session, compiled)
    memory = Memory(
        agent=section.agent,
        session=session,
        stepped=Instant(session.open + MINUTE),
        asked=None,
        told=(),
        pending=(),
        symbols=tuple(memory_of(symbol, each, ()) for symbol, each in sorted(hosted.items())),
    )
    market = msgspec.json.encode(configuration.marketdata.prices).decode()
    folder = configuration.path(section.checkpoints)
    checkpoints = StrategyCheckpoints(folder, configuration.account.name, section.agent, market)
    checkpoints.write(msgspec.structs.replace(memory, **changes))
    return folder / f"{section.agent}.json"


def wired_again(folder: Path) -> StrategyParts:
    configuration = load(folder / "run.toml", environment={})
    return wire_strategy(configuration, Announcements(folder / "announcements"), KERNELS)


def test_it_goes_on_from_what_the_process_before_it_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(tmp_path)
    asked: list[Instant | None] = []

    class Feed(AlpacaFeed):
        def __init__(self, **arguments: Any) -> None:
            asked.append(arguments["since"])
            super().__init__(**arguments)

    monkeypatch.setattr(module, "AlpacaFeed", Feed)
    with capture_logs() as logs:
        wired_again(tmp_path)
    assert [(log["event"], log["after"]) for log in logs] == [("gone_on", "2026-11-20T14:31:00Z")]
    assert [rfc3339(since or Instant(0)) for since in asked] == ["2026-11-20T14:31:00Z"]


def test_every_session_begins_anew(tmp_path: Path) -> None:
    remembered(tmp_path, session=Session(date="2026-11-19", open=Instant(0), close=Instant(1)))
    with capture_logs() as logs:
        wired_again(tmp_path)
    assert [(log["event"], log["reason"]) for log in logs] == [("begun_anew", "it is of 2026-11-19")]


def test_what_cannot_be_gone_on_from_refuses_the_start(tmp_path: Path) -> None:
    file = remembered(tmp_path, symbols=())
    text = rf"{file}: symbols: expected \[.*, found \[\]; move it away to begin as on a first day"
    with pytest.raises(ConfigurationError, match=text):
        wired_again(tmp_path)
    file.write_text("{}")
    with pytest.raises(ConfigurationError, match="expected a checkpoint of strategies, found none"):
        wired_again(tmp_path)
