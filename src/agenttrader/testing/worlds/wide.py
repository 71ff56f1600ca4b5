"""Many worlds: shared out to every core, summed up, and gone on with where a run before was stopped.

Progress is a file of lines, one for each part of the seeds that is done, under the digest of the program:
another program begins anew.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from pathlib import Path

import msgspec
from msgspec import Struct

import agenttrader
from agenttrader.testing.planted import PLANTED
from agenttrader.testing.worlds.script import Script, script_of
from agenttrader.testing.worlds.world import Outcome, play

PART = 25
"""How many worlds one process plays at a time."""


class Failed(Struct, frozen=True):
    """A world in which a promise was broken."""

    seed: int
    findings: tuple[str, ...]


class Sum(Struct, kw_only=True):
    """What many worlds came to. `seconds` is the processor time of all cores."""

    worlds: int = 0
    minutes: int = 0
    orders: int = 0
    fills: int = 0
    crashes: int = 0
    seconds: float = 0.0
    happened: dict[str, int] = msgspec.field(default_factory=dict)
    looked: dict[str, int] = msgspec.field(default_factory=dict)
    failed: list[Failed] = msgspec.field(default_factory=list)

    def add(self, other: "Sum") -> None:
        """Add what others came to."""
        for name in ("worlds", "minutes", "orders", "fills", "crashes", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.happened = dict(sorted((Counter(self.happened) + Counter(other.happened)).items()))
        self.looked = dict(sorted((Counter(self.looked) + Counter(other.looked)).items()))
        self.failed = sorted([*self.failed, *other.failed], key=lambda each: each.seed)


class Part(Struct, frozen=True, kw_only=True):
    """One line of progress: these seeds are done, by this program."""

    program: str
    first: int
    count: int
    sum: Sum


def played(script: Script, *, with_trace: bool = False) -> Outcome:
    """The world, and where playing it raises, that as a finding: a promise's breaking may end everything."""
    try:
        return play(script, with_trace=with_trace)
    except Exception as error:  # Whatever ends a world is what is wrong with it.
        return Outcome(
            seed=script.seed,
            head="",
            bars=script.bars,
            orders=0,
            fills=0,
            crashes=0,
            happened={},
            looked={},
            findings=(f"the world ended with {type(error).__name__}: {error}",),
        )


def sum_of(first: int, count: int) -> Sum:
    """The worlds of so many seeds, one after the other."""
    began, found = time.process_time(), Sum()
    for seed in range(first, first + count):
        outcome = played(script_of(seed))
        found.add(
            Sum(
                worlds=1,
                minutes=outcome.bars,
                orders=outcome.orders,
                fills=outcome.fills,
                crashes=outcome.crashes,
                happened=outcome.happened,
                looked=outcome.looked,
                failed=[Failed(seed, outcome.findings)] if outcome.findings else [],
            )
        )
    found.seconds = time.process_time() - began
    return found


def wide(first: int, count: int, *, cores: int, progress: Path, tell: Callable[[Sum], None]) -> Sum:
    """All of them; `tell` hears how far it is after each part. What `progress` has is not played again."""
    program, total = program_digest(), Sum()
    parts = {(start, min(PART, first + count - start)) for start in range(first, first + count, PART)}
    for part in _done(progress, program):
        if (part.first, part.count) in parts:
            parts.remove((part.first, part.count))
            total.add(part.sum)
    tell(total)
    with progress.open("ab") as file, ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        for (start, size), found in _in_parallel(pool, sorted(parts), cores):
            line = Part(program=program, first=start, count=size, sum=found)
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            total.add(found)
            tell(total)
    return total


def found_at(name: str, first: int, count: int) -> tuple[int, str] | None:
    """The seed of the first world that finds the bug of that name, and how; None where none does."""
    spoil: AbstractContextManager[None] = PLANTED[name].spoil() if name else nullcontext()
    with spoil:
        for seed in range(first, first + count):
            findings = played(script_of(seed)).findings
            if findings:
                return seed, findings[0]
    return None


def all_planted(first: int, count: int, cores: int) -> Iterator[tuple[str, tuple[int, str] | None]]:
    """Each planted bug with where it was found, as they are done."""
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        running = {pool.submit(found_at, name, first, count): name for name in PLANTED}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                yield running.pop(each), each.result()


def program_digest() -> str:
    """What the worlds of two runs are the same by: every module of the package."""
    folder = Path(agenttrader.__file__).parent
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _in_parallel(
    pool: ProcessPoolExecutor, parts: list[tuple[int, int]], cores: int
) -> Iterator[tuple[tuple[int, int], Sum]]:
    """Few at a time, so that a run that is stopped leaves little half done."""
    waiting, running = list(reversed(parts)), dict[Future[Sum], tuple[int, int]]()
    while waiting or running:
        while waiting and len(running) < 2 * cores:
            part = waiting.pop()
            running[pool.submit(sum_of, *part)] = part
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for each in done:
            yield running.pop(each), each.result()


def _done(progress: Path, program: str) -> Iterator[Part]:
    """The parts that are done; a line that was not written whole is of none."""
    decoder = msgspec.json.Decoder(Part)
    for line in progress.read_bytes().splitlines() if progress.exists() else ():
        try:
            part = decoder.decode(line)
        except msgspec.MsgspecError:
            continue
        if part.program == program:
            yield part
