"""What the runbooks type, by the table of their commands, and what they expect of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agenttrader.testing.played_day import PASSED_ON

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "seed-commands.md"
SAFEGUARDS = "python3 -m pytest -q tests/test_paper_execution_safeguards.py"
"""Section 3 A of the market-open runbook."""
PATIENCE_SECONDS = 100

pytestmark = pytest.mark.timeout(120)


def mapped(seed: str) -> list[str]:
    """The words of the command that the table has in the place of `seed`."""
    rows = (line.split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| "))
    (here,) = (row[1] for row in rows if row[0] == f"| `{seed}`")
    program, *words = here.strip("`").split()
    assert program == ".venv/bin/python"
    return [sys.executable, *words]


def test_the_runbooks_safeguards_all_pass_from_a_clean_shell() -> None:
    """Without a configuration, a secret or a mode; what the runbook names is among them."""
    command = mapped(SAFEGUARDS)
    assert command[1:] == SAFEGUARDS.split()[1:], "it is typed here as there, but for whose python it is"
    ended = subprocess.run(
        [*command, "-vv", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    passed = set(re.findall(r"::(\w+)\S* PASSED", ended.stdout))
    assert not re.search(r"FAILED|ERROR|SKIPPED|XFAIL", ended.stdout)
    assert {
        "test_trading_mode_blocks_the_host_of_the_other_kind",
        "test_an_order_leaves_for_the_paper_account_that_the_paper_host_says_it_is",
        "test_paper_is_at_its_host_and_nowhere_else",
    } <= passed
