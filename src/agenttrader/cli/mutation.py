"""`agenttrader test --limits`: whether the tests hold every check of the gateway.

Each check in turn says yes to everything, in a process of its own, and the tests about limits must fail then.
Only a test that ran and failed has caught it: a run that broke, took too long or found no tests has not.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

PLUGIN = "agenttrader.testing.unsafe_check"
LIMIT_TESTS = (
    # First real orders over HTTP, at each limit and one unit beyond: they name best what caught a check.
    "tests/test_denial_codes.py",
    "tests/unit/gateway/checks/test_catalog_limits.py",
    "tests/unit/gateway/checks/test_authority.py",
    "tests/unit/gateway/checks/test_catalog.py",
    "tests/unit/gateway/test_decide.py",
    "tests/unit/runtime/test_snapshots.py",
    "tests/unit/runtime/test_engine.py",
)
PROCESSES = 2
SECONDS_MAX = 120
"""What one run may take, on a busy machine."""

_FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)
_PASSED, _FAILURES = 0, 1


class Fate(Struct, frozen=True):
    """What became of one check that said yes."""

    code: str
    caught_by: str
    """The first test that failed; empty where none did."""
    trouble: str = ""
    """Why that says nothing: the run itself went wrong."""

    def __str__(self) -> str:
        said = f"caught by {self.caught_by}" if self.caught_by else f"NOT CAUGHT {self.trouble}".rstrip()
        return f"{self.code:<24} {said}"


def fates(codes: Sequence[str], tests: Sequence[str], root: Path) -> Iterator[Fate]:
    """What became of each check, in order, as soon as it is known; at most `PROCESSES` run at once."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        yield from pool.map(lambda code: fate_of(code, tests, root), codes)


def fate_of(code: str, tests: Sequence[str], root: Path) -> Fate:
    """The fate of one check; of no code, that of the tests as they are: nothing may catch it."""
    words = [f"--unsafe-check={code}"] if code else []
    command = [sys.executable, "-m", "pytest", "-p", PLUGIN, *words, *tests]
    command += ["--exitfirst", "--quiet", "--tb=no", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    try:
        run = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return Fate(code, "", f"(the tests took more than {SECONDS_MAX} s)")
    failed = _FAILED.search(run.stdout)
    if run.returncode == _FAILURES and failed is not None:
        return Fate(code, failed[1])
    if run.returncode == _PASSED:
        return Fate(code, "")
    last = (run.stdout.strip() or run.stderr.strip() or "nothing was said").splitlines()[-1]
    return Fate(code, "", f"(pytest ended with {run.returncode}: {last})")
