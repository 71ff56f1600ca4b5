"""What nobody may be called: a name of ours, or one that looks like it."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.config import demo_template, load
from agenttrader.app.names import OURS, faults_of_names
from agenttrader.app.sections import EXITS
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import PersonName, hand_of
from agenttrader.runtime.breakers import FLATTENER, PREFIX

PLAIN = "expected up to 64 letters, digits, - and _ with a letter or a digit first"
TAKEN = "expected another name, for the program itself has this one"


def refusal(folder: Path, old: str, new: str) -> str:
    """What is said of the demo's configuration with one name changed wherever it stands."""
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    assert old in text
    (folder / "run.toml").write_text(text.replace(old, new))
    with pytest.raises(ConfigurationError) as refused:
        load(folder / "run.toml", environment={})
    return str(refused.value).removeprefix(f"{folder / 'run.toml'}: ")


@pytest.mark.parametrize(
    "name",
    (
        "breaker:drawdown",
        "person:demo",
        "a bot",
        "bot\\n",
        "\\u001b[2J",
        "b\\u043et",
        "-bot",
        "",
        "b" * 65,
        "a.b",
    ),
)
def test_an_agents_name_is_plain(tmp_path: Path, name: str) -> None:
    found = refusal(tmp_path, ".visitor", f'."{name}"')
    assert found.startswith("[agents] ")
    assert PLAIN in found


@pytest.mark.parametrize("name", ("exits", "Exits", "OPERATOR", "breaker", "gateway"))
def test_no_agent_has_a_name_of_ours(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, ".visitor", f".{name}") == f"[agents] {name}: {TAKEN}"


@pytest.mark.parametrize(
    ("old", "new", "table"),
    (
        ("[people.demo]", '[people."breaker:drawdown"]', "people"),
        ("[limits.strategy.momentum]", '[limits.strategy."mo mentum"]', "limits.strategy"),
        ("[limits.group.cyclical]", '[limits.group."a\\u00a0b"]', "limits.group"),
    ),
)
def test_persons_strategies_and_groups_have_plain_names_too(
    tmp_path: Path, old: str, new: str, table: str
) -> None:
    found = refusal(tmp_path, old, new)
    assert found.startswith(f"[{table}] ")
    assert PLAIN in found


def test_what_acts_here_under_an_agents_name_is_nobodys() -> None:
    for name in (EXITS, FLATTENER, f"{PREFIX}loss", hand_of(PersonName("ann"))):
        assert list(faults_of_names("agents", [name], OURS))


@given(st.text(max_size=70))
def test_what_passes_can_be_told_from_everything_else_on_a_screen(name: str) -> None:
    if not list(faults_of_names("agents", [name], OURS)):
        assert name.isascii()
        assert name.isprintable()
        assert not set(name) & set(" :./\\'\"")
