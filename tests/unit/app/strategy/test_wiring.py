import itertools
import re
from pathlib import Path

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.config import demo_template, load
from agenttrader.app.strategy.wiring import StrategyParts, wire_strategy
from agenttrader.model.errors import ConfigurationError

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
