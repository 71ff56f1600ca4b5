"""What the gateway costs: a decision, an order's whole round, and an order that is on disk before it leaves.

Every figure is a median of five runs in this process, after imports and a warm-up, beside a peer measured in
the same run: the bare system call for what is durable, ten thousand orders for a hundred thousand. The
journal is verified afterwards, and orders are counted at the exchange, not by our own counters.
"""

import gc
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from simulated_account import ACCOUNT, SYMBOL, SYMBOLS, SimulatedAccount, proposal

from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.gateway.checks.catalog import CHECKS
from agenttrader.gateway.decide import decide
from agenttrader.model.orders import Effect, Proposal
from agenttrader.runtime.inputs import LastLookStopped, Proposed
from agenttrader.runtime.snapshots import take_snapshot

RUNS = 5
PRICE = Decimal("100.00")
RESTING = (0, 100, 1_000)


def decision() -> dict[str, Any]:
    """A decision on an entry: the snapshot taken from a live engine, and every check."""
    account = SimulatedAccount(10, MemoryJournal().append)
    account.bar(PRICE)
    engine, now = account.engine, account.now
    asked = proposal(1, PRICE, Effect.OPEN, now)
    rules = engine.rules

    def snapshot() -> Any:
        standing = engine.standing(asked)
        return take_snapshot(
            asked, engine.state, engine.market, engine.valued, rules, standing, Decimal(10_000_000), now
        )

    taken = snapshot()
    found = decide(asked, taken, rules.limits)
    assert found.denied_by is None, f"expected an approval, found {found.denied_by}"
    decided = _microseconds(lambda: decide(asked, taken, rules.limits), 5_000)
    both = _microseconds(lambda: decide(asked, snapshot(), rules.limits), 5_000)
    return {
        "checks": len(found.checks),
        "catalogue": len(CHECKS),
        "decide_us": decided,
        "with_snapshot_us": both,
        "aim_us": 15,
    }


def rounds(orders: int) -> float:
    """Microseconds an order: decided, journalled in memory, matched, filled, folded, and the strategy told.

    Each second order is an entry with a stop and a target that rest at the exchange, each other one its
    close, which cancels both first. Each has a minute's bar to itself; what the bars cost is taken off.
    """
    return _day(orders, trades=True) - _day(orders, trades=False)


def _day(orders: int, *, trades: bool) -> float:
    """Microseconds a bar of a day of bars, with or without an order before each."""
    journal = MemoryJournal()
    account = SimulatedAccount(orders + 1, journal.append)
    account.bar(PRICE)
    gc.collect()
    start = time.perf_counter()
    for number in range(orders):
        if trades:
            account.propose(number, PRICE, Effect.OPEN if number % 2 == 0 else Effect.CLOSE)
        account.bar(PRICE)
    elapsed = time.perf_counter() - start
    expected = orders if trades else 0
    at_venue = sum(1 for order in account.exchange.books.all_of(ACCOUNT) if order.entry is None)
    assert at_venue == expected, f"expected {expected} orders at the exchange, found {at_venue}"
    assert account.told >= expected, f"expected {expected} fills, found {account.told}"
    assert account.engine.state.book.position(SYMBOL) == (expected % 2) * 100
    verified = sum(1 for _ in journal.read())
    assert verified == account.engine.chain.sequence
    return elapsed / orders * 1e6


def beside(resting: int) -> float:
    """Microseconds of an entry that is decided, recorded, folded and ended, while `resting` others work.

    They are in the same symbol, each with its stop and target.
    """
    account = SimulatedAccount(10, MemoryJournal().append)
    account.bar(PRICE)
    engine, now, numbers = account.engine, account.now, count()

    def one() -> Proposal:
        asked = proposal(next(numbers), PRICE, Effect.OPEN, now)
        step = engine.handle(Proposed(asked), now)
        assert step.sends, f"expected an approval, found {step.records[0].body!r}"
        return asked

    for _ in range(resting):
        one()
    assert engine.state.book.orders.open_count_total == resting
    return _microseconds(lambda: engine.handle(LastLookStopped(one().id, "bench"), now), 500)


def durable(group: int, seconds: float) -> float:
    """Orders a second that are decided and on disk before they could leave: `group` of them a commit."""
    with tempfile.TemporaryDirectory(dir=_disk()) as folder:
        path = Path(folder)
        journal = SqliteJournal(
            path / "bench.journal", account=ACCOUNT, heads_folder=path / "heads", key_folder=path / "keys"
        )
        account = SimulatedAccount(10, journal.append)
        account.bar(PRICE)
        account.mark_all(PRICE)
        engine, now = account.engine, account.now
        number, elapsed = 0, 0.0
        while elapsed < seconds:
            asked = [
                proposal(number + place, PRICE, Effect.OPEN, now, symbol)
                for place, symbol in enumerate(SYMBOLS[:group])
            ]
            start = time.perf_counter()
            steps = [engine.handle(Proposed(each), now) for each in asked]
            journal.append([record for step in steps for record in step.records])
            elapsed += time.perf_counter() - start
            number += group
            # Not timed: no exchange answers here, so the orders are ended, as the last look would.
            stopped = [engine.handle(LastLookStopped(each.id, "bench"), now) for each in asked]
            journal.append([record for step in stopped for record in step.records])
        records = engine.chain.sequence
        journal.close()
        found = verify(path / "bench.journal", path / "heads", journal.public_key)
        assert found.verified, f"expected a journal that verifies, found {found}"
        assert found.records == records, f"expected {records} records, found {found.records}"
        return number / elapsed


def disk(seconds: float) -> float:
    """The peer: appends of 256 bytes a second to a file, each followed by fdatasync."""
    body = os.urandom(256)
    with tempfile.NamedTemporaryFile(dir=_disk()) as file:
        count = 0
        start = time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            file.write(body)
            file.flush()
            os.fdatasync(file.fileno())
            count += 1
        return count / elapsed


def main(words: list[str]) -> int:
    """Measure, print a table to stderr and one JSON object to stdout."""
    quick = "--quick" in words
    scale, seconds = (10, 0.3) if quick else (1, 2.0)
    found: dict[str, Any] = {
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "kernel": platform.release(),
        }
    }
    found["decision"] = decision()
    rounds(500)
    small = median(rounds(10_000 // scale) for _ in range(RUNS))
    large = rounds(100_000 // scale)
    found["round"] = {
        "orders": 10_000 // scale,
        "us": small,
        "us_at_ten_times": large,
        "ratio": large / small,
        "aim_us": 40,
        "aim_ratio": 1.2,
    }
    found["beside"] = {f"{resting}_us": beside(resting) for resting in RESTING}
    bare = median(disk(seconds) for _ in range(RUNS))
    single = median(durable(1, seconds) for _ in range(RUNS))
    grouped = median(durable(64, seconds) for _ in range(RUNS))
    found["durable"] = {
        "fdatasync_per_second": bare,
        "orders_per_second": single,
        "ratio": single / bare,
        "aim_ratio": 0.8,
        "orders_per_second_in_groups_of_64": grouped,
        "aim_in_groups": 30_000,
    }
    _print(found)
    print(json.dumps(found))
    return 0


def _microseconds(call: Callable[[], object], times: int) -> float:
    """The median over runs of the mean microseconds of a call."""
    for _ in range(times // 10):
        call()
    figures = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for _ in range(times):
            call()
        figures.append((time.perf_counter() - start) / times * 1e6)
    return median(figures)


def _disk() -> str:
    """A folder on the disk that the checkout lies on: a memory file system would flatter."""
    folder = Path(os.environ.get("AGENTTRADER_HOME") or "var") / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _print(found: dict[str, Any]) -> None:
    decided, order, kept = found["decision"], found["round"], found["durable"]
    rows = [
        ("a decision, every check", f"{decided['decide_us']:.1f} µs", "≤ 15 µs"),
        ("  with its snapshot", f"{decided['with_snapshot_us']:.1f} µs", ""),
        ("an order's round, its bar apart", f"{order['us']:.1f} µs", "≤ 40 µs"),
        ("  at ten times as many", f"{order['us_at_ten_times']:.1f} µs  ({order['ratio']:.2f} ×)", "≤ 1.2 ×"),
        *(
            (
                f"an entry beside {resting:,} that work",
                f"{found['beside'][f'{resting}_us']:.1f} µs",
                "",
            )
            for resting in RESTING
        ),
        ("append and fdatasync", f"{kept['fdatasync_per_second']:,.0f} /s", "the peer"),
        (
            "durable orders, one by one",
            f"{kept['orders_per_second']:,.0f} /s  ({kept['ratio']:.2f} ×)",
            "≥ 0.8 ×",
        ),
        (
            "durable orders, 64 a commit",
            f"{kept['orders_per_second_in_groups_of_64']:,.0f} /s",
            "≥ 30,000 /s",
        ),
    ]
    for name, figure, aim in rows:
        print(f"{name:<33}{figure:>24}   {aim}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
