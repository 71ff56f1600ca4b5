import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from agenttrader.app.config import Configuration, demo_template, load
from agenttrader.app.deciding.setup import Asked, Wish, understood
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.times import from_rfc3339

ENVIRONMENT = {
    "REPO_ID": "agent-trader-v2",
    "AGENT_NAME": "execution-agent",
    "AGENT_ROLE": "execution",
    "AGENT_MODE": "OBSERVE",
    "EXECUTION_AGENT_ENABLED": "true",
    "BROKER_EXECUTION_ENABLED": "false",
}


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """The demo's, whose broker's secret is in a variable. It has two agents."""
    numbers = itertools.count(1)
    text = re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())
    path = tmp_path / "run.toml"
    path.write_text(text.replace('file = "secrets/gateway-broker"', 'variable = "OUR_BROKER_SECRET"'))
    return load(path, environment={})


def asked(folder: Path, **changes: Any) -> Asked:
    proposals = folder / "proposals.ndjson"
    proposals.touch()
    fields: dict[str, Any] = {
        "proposals": proposals,
        "decisions": folder / "decisions",
        "marks": None,
        "agent": "visitor",
        "start_at": "beginning",
        "poll_seconds": "0.25",
    }
    return Asked(**(fields | changes))


def test_what_is_asked_is_understood(tmp_path: Path, configuration: Configuration) -> None:
    told = {"MARKETDATA_LAST_TS_UTC": "2026-11-20T14:31:00Z", "MARKETDATA_STALE_THRESHOLD_S": "60"}
    wish = understood(asked(tmp_path, start_at="end"), configuration, ENVIRONMENT | told)
    assert (wish.agent, wish.at_end, wish.poll_ms, wish.mode) == ("visitor", True, 250, "OBSERVE")
    assert (wish.data_told, wish.data_age_seconds_max) == (from_rfc3339("2026-11-20T14:31:00Z"), 60)
    assert not wish.is_pipe


def test_what_the_environment_does_not_say_is_not_known(tmp_path: Path, configuration: Configuration) -> None:
    wish = understood(asked(tmp_path, proposals=Path("-")), configuration, ENVIRONMENT)
    assert isinstance(wish, Wish)
    assert wish.is_pipe
    assert (wish.data_told, wish.data_age_seconds_max) == (None, None)


@pytest.mark.parametrize(
    ("changes", "environment", "code"),
    (
        ({"proposals": Path("nowhere")}, {}, "PROPOSALS_PATH_missing"),
        ({"start_at": "middle"}, {}, "PROPOSALS_START_AT_mismatch"),
        *(
            ({"poll_seconds": text}, {}, "PROPOSALS_POLL_INTERVAL_S_mismatch")
            for text in ("0", "-1", "x", "61")
        ),
        ({"agent": ""}, {}, "PROPOSALS_AGENT_missing"),
        ({"agent": "nobody"}, {}, "PROPOSALS_AGENT_mismatch"),
        ({}, {"MARKETDATA_LAST_TS_UTC": "yesterday"}, "MARKETDATA_LAST_TS_UTC_mismatch"),
        *(
            ({}, {"MARKETDATA_STALE_THRESHOLD_S": text}, "MARKETDATA_STALE_THRESHOLD_S_mismatch")
            for text in ("0", "-1", "1.5", "x", "9" * 5_000)
        ),
        ({}, {"OUR_BROKER_SECRET": "secret"}, "OUR_BROKER_SECRET_present"),
        ({}, {"AGENT_MODE": "PAPER"}, "AGENT_MODE_mismatch"),
    ),
)
def test_what_cannot_be_understood_refuses_to_start(
    tmp_path: Path,
    configuration: Configuration,
    changes: dict[str, Any],
    environment: dict[str, str],
    code: str,
) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{code}: expected .+, found .+\. docs/deciding.md has "):
        understood(asked(tmp_path, **changes), configuration, ENVIRONMENT | environment)
