"""How soon a gateway knows again what it knew: a journal verified and folded, in a new process.

The records are real ones: an account at the simulated exchange enters with a stop and a target, closes,
samples its equity each bar, and every decision carries all of its checks. The peer does the least that
verifying could be: every row read from SQLite, and its SHA-256 computed over what stands in it.

Figures are of processor time, which other programs at work do not move.
"""

import argparse
import hashlib
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
from simulated_account import ACCOUNT, SYMBOLS, SimulatedAccount

from agenttrader.adapters.clocks import MonotonicClock
from agenttrader.adapters.journal_snapshots import maker_of
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.events import Event
from agenttrader.model.orders import Effect
from agenttrader.model.records import Sealed
from agenttrader.runtime.recovery import fold
from agenttrader.runtime.starting import Folding

PRICE = Decimal("100.00")
RECORDS = 1_000_000
RECORDS_AN_ORDER = 4.5
"""Of the account below, its samples of equity counted; enough to know how many bars a journal needs."""
COMMIT_RECORDS = 5_000
MULTIPLIERS = dict.fromkeys(SYMBOLS, Decimal(1))
MEGABYTE = 1_024 * 1_024


def make(folder: Path, records: int) -> int:
    """A journal of `records` records, and a few more, in `folder`; how many there are."""
    with closing(_journal(folder)) as journal:
        waiting: list[Sealed[Event]] = []

        def commit(step: list[Sealed[Event]]) -> None:
            waiting.extend(step)
            if len(waiting) >= COMMIT_RECORDS:
                journal.append(waiting)
                waiting.clear()

        bars = int(records / RECORDS_AN_ORDER * 2)
        account = SimulatedAccount(bars, commit)
        account.bar(PRICE)
        number = 0
        while account.engine.chain.sequence < records:
            account.propose(number, PRICE, Effect.OPEN if number % 2 == 0 else Effect.CLOSE)
            account.bar(PRICE)
            number += 1
        journal.append(waiting)
        return account.engine.chain.sequence


def measure(folder: Path) -> dict[str, Any]:
    """Fold the journal in `folder` as a gateway does that starts."""
    with closing(_journal(folder)) as journal:
        before, start = _memory(), time.process_time()
        state, chain = fold(journal, MULTIPLIERS)
        seconds = time.process_time() - start
        return {
            "records": chain.sequence,
            "orders": len(state.book.orders.by_id),
            "seconds": seconds,
            "us_a_record": seconds / chain.sequence * 1e6,
            "megabytes": _memory() - before,
        }


def kept(folder: Path) -> dict[str, Any]:
    """Fold it, and keep the fold for the next start."""
    with closing(_journal(folder)) as journal:
        journal.path.with_name(f"{journal.path.name}.fold").unlink(missing_ok=True)
        return _started(journal)


def started(folder: Path) -> dict[str, Any]:
    """Start from the fold that was kept, as a gateway does."""
    with closing(_journal(folder)) as journal:
        return _started(journal)


def _started(journal: SqliteJournal) -> dict[str, Any]:
    start = time.process_time()
    folding = Folding(journal, MULTIPLIERS, maker_of(MULTIPLIERS), MonotonicClock())
    _, chain = folding.start()
    return {"records": chain.sequence, "seconds": time.process_time() - start}


def verified(folder: Path) -> dict[str, Any]:
    """Verify it as `journal verify` does, with the heads and the segments."""
    with closing(_journal(folder)) as journal:
        key = journal.public_key
    start = time.process_time()
    found = verify(_path(folder), folder / "heads", key)
    assert found.verified, f"expected a journal that verifies, found {found}"
    return {"records": found.records, "seconds": time.process_time() - start}


def peer(folder: Path) -> dict[str, Any]:
    """Every row read and hashed, and nothing else."""
    start = time.process_time()
    records = 0
    with closing(sqlite3.connect(_path(folder))) as connection:
        for previous, body, kind in connection.execute("SELECT previous, body, kind FROM records"):
            hashlib.sha256(bytes.fromhex(previous) + kind.encode() + body).hexdigest()
            records += 1
    return {"records": records, "seconds": time.process_time() - start}


def _journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(
        _path(folder), account=ACCOUNT, heads_folder=folder / "heads", key_folder=folder / "keys"
    )


def _path(folder: Path) -> Path:
    return folder / "bench.journal"


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / MEGABYTE


STEPS = {"fold": measure, "keep": kept, "start": started, "verify": verified, "peer": peer}


def main(words: list[str]) -> int:
    """Measure, print a table to stderr and one JSON object to stdout."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--quick", action="store_true", help="a tenth of the records")
    asked.add_argument("--folder", type=Path, help="keep the journal here, and use the one that is there")
    asked.add_argument("--step", choices=STEPS, help="one step alone, in this process")
    given = asked.parse_args(words)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if given.step:
        print(json.dumps(STEPS[given.step](given.folder)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not _path(folder).exists():
            make(folder, RECORDS // (10 if given.quick else 1))
        found = {step: _alone(folder, step) for step in STEPS}
    for step, figures in found.items():
        ratio = figures["seconds"] / found["peer"]["seconds"]
        print(f"{step:8}{figures['seconds']:8.2f} s   {ratio:5.1f} of the peer", file=sys.stderr)
    print(json.dumps(found))
    return 0


def _alone(folder: Path, step: str) -> Any:
    """The step in a process of its own, so that none has another's memory or caches."""
    words = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
