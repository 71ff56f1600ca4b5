"""The exits unit as a process: what it says of itself while its peers are not there, and how it ends."""

from pathlib import Path

from agenttrader.app.config import demo_template
from agenttrader.app.template import recast
from agenttrader.testing.lone_role import alone

TABLES = ("exits", "credentials.exits.gateway", "credentials.exits.marketdata")


def test_it_lives_alone_says_whom_it_waits_for_and_ends_in_order(tmp_path: Path) -> None:
    with alone("exits", tmp_path) as unit:
        assert unit.ask("/livez")[0] == 200
        status, body = unit.ask("/readyz")
        assert status == 503
        assert "it waits for the gateway" in body
        assert "agenttrader_exits_acts_total" in unit.ask("/metrics")[1]
        code, log = unit.end()
        assert code == 0, log
        assert "nothing_remembered" in log
        assert not unit.is_announced


def test_without_its_section_it_does_not_start(tmp_path: Path) -> None:
    template = recast(demo_template(), names={}, tables=dict.fromkeys(TABLES, ""))
    with alone("exits", tmp_path, template) as unit:
        code, log = unit.ended()
    assert code == 2
    assert "expected this section and [credentials.exits]" in log
