"""The strategy host as a process: what it says of itself while its peers are not there, and how it ends."""

import os
from pathlib import Path

from agenttrader.testing.lone_role import alone

HOME = Path(__file__).parents[3] / "var" / "test"
"""Where kernels lie that were compiled before."""


def test_it_lives_alone_says_whom_it_waits_for_and_ends_in_order(tmp_path: Path) -> None:
    environment = {**os.environ, "AGENTTRADER_HOME": str(HOME)}
    with alone("strategy", tmp_path, environment=environment) as host:
        assert host.ask("/livez")[0] == 200
        status, body = host.ask("/readyz")
        assert status == 503
        assert "it waits for the gateway" in body
        assert "agenttrader_proposals_total" in host.ask("/metrics")[1]
        code, log = host.end()
        assert code == 0, log
        assert "Unclosed" not in log
        assert not host.is_announced
