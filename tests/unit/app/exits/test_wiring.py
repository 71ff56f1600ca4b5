import itertools
import re
from pathlib import Path

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.exits.wiring import wire_exits
from agenttrader.app.template import recast
from agenttrader.model.errors import ConfigurationError

PAGE = Path(__file__).parents[4] / "docs" / "exits.md"
EXAMPLE = re.findall(r"(?ms)^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))[0]
"""As the page has it."""
OWN = ("exits", "credentials.exits.gateway", "credentials.exits.marketdata")
SECTION, KEYS = re.split(r"(?m)^(?=\[credentials\.exits\.gateway\])", EXAMPLE)


def configured(folder: Path, *tables: str, **changes: str) -> Configuration:
    """The demo's configuration with these tables in the place of its own."""
    numbers = itertools.count(1)
    template = recast(demo_template(), names={}, tables=dict.fromkeys(OWN, ""))
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', template) + "".join(tables)
    for old, new in changes.items():
        text, count = re.subn(rf"(?m)^{old} = .*$", f"{old} = {new}", text)
        assert count == 1, f"{old}: found {count} times"
    (folder / "secrets").mkdir()
    for name in ("exits-gateway", "exits-marketdata"):
        (folder / "secrets" / name).write_text("secret")
    (folder / "run.toml").write_text(text)
    return load(folder / "run.toml", environment={})


def test_a_unit_that_knows_nobody_yet_says_what_it_waits_for(tmp_path: Path) -> None:
    parts = wire_exits(configured(tmp_path, SECTION, KEYS), Announcements(tmp_path / "announcements"))
    assert parts.ready() == "it waits for the gateway"
    assert len(parts.work) == 3


@pytest.mark.parametrize(
    ("tables", "found"),
    (
        ((SECTION,), "[credentials.exits]: expected it where there is [exits], found none"),
        ((KEYS,), "[exits]: expected it where there is [credentials.exits], found none"),
    ),
)
def test_a_section_without_its_keys_or_keys_without_it_are_refused(
    tables: tuple[str, ...], found: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configured(tmp_path, *tables)
    assert found in str(refused.value)


def test_a_configuration_without_the_unit_cannot_be_its_process(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    with pytest.raises(ConfigurationError, match=r"\[exits\]: expected this section"):
        wire_exits(configuration, Announcements(tmp_path / "announcements"))


def test_an_entry_may_not_be_bare_for_as_long_as_is_a_break(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="partial_fill_seconds: expected less than"):
        configured(tmp_path, SECTION, KEYS, unprotected_seconds_max="60")
