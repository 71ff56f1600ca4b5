"""`agenttrader bench`: which script runs, with which words."""

import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from agenttrader.cli.bench import BENCHES
from agenttrader.cli.program import app

Ran = list[list[str]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """The commands that were run, none of them really; each ends with 1."""
    commands: Ran = []

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(words)
        return subprocess.CompletedProcess(words, 1)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


@pytest.mark.parametrize(
    ("asked", "words"),
    (
        (["gateway"], ["gateway.py"]),
        (["gateway", "--quick"], ["gateway.py", "--quick"]),
        (["guard", "--quick"], ["guard.py", "--quick"]),
        (["days"], ["days.py"]),
        (["recovery", "--quick"], ["recovery.py", "--quick"]),
        (["days", "--days", "3", "--seed", "17"], ["days.py", "--days", "3", "--seed", "17"]),
        (["days", "--quick", "--seed", "0"], ["days.py", "--quick", "--seed", "0"]),
    ),
)
def test_a_bench_is_its_script_and_ends_as_that_does(asked: list[str], words: list[str], ran: Ran) -> None:
    result = CliRunner().invoke(app, ["bench", *asked])
    assert ran == [[sys.executable, str(BENCHES / words[0]), *words[1:]]]
    assert result.exit_code == 1


@pytest.mark.parametrize("option", ("--days", "--seed"))
def test_what_only_days_have_is_refused_elsewhere(option: str, ran: Ran) -> None:
    result = CliRunner().invoke(app, ["bench", "start", option, "3"])
    assert result.exit_code == 2
    assert "found start" in result.output
    assert ran == []
