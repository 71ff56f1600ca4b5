"""The catalogue of controls is complete and honest: every row, every check, and tests that there are."""

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from msgspec import Struct

from agenttrader.gateway.checks.catalog import CHECKS

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "catalogue.md"
KINDS = ("check", "duty", "part", "not yet", "not software's")
SHOWN = {"check", "duty", "part"}
"""The kinds of which something is done, so that a test has to show it."""

ROWS = {
    "RTS 6": (
        "1 2 4 5a 5b 5c 6 7 8 9 10 11 12a 12b 13 14a 14b 14c "
        "15a 15b 15c 15d 15e 15f 15g 15h 15i 15j 16a 16b 16c 17a 17b 17c 18 20 28"
    ),
    "SEC 15c3-5": "c1i c1ii-price c1ii-twice c2i c2ii c2iii c2iv d e",
    "FIA": (
        "size collar position repeats messages data volatility loss kill drop-copy credit heartbeat "
        "self-match authority conformance independence"
    ),
    "FINRA 15-09": "risk development test systems compliance",
    "Knight Capital": "1 2 3 4 5",
    "Exchanges' own pauses": "breakers luld",
    "Ours besides": "",
}
"""Every row that each source asks for, by its section: what follows the source's short name."""
SHORT = {"RTS 6": "RTS6", "SEC 15c3-5": "SEC", "FINRA 15-09": "FINRA", "Knight Capital": "KNIGHT"}
SHORT |= {"FIA": "FIA", "Exchanges' own pauses": "US", "Ours besides": "OWN"}
RELATED = {"RTS 6": ("RTS25", "RTS7-20")}
"""Rows of other acts that stand beside those of a source."""


class Row(Struct, frozen=True):
    """One row as it stands on the page."""

    name: str
    kind: str
    asks: str
    here: str
    shown: str

    @property
    def words(self) -> frozenset[str]:
        """What of the row stands between backticks and may be a code."""
        return frozenset(re.findall(r"`(\w+)`", self.here))

    @property
    def met(self) -> tuple[str, ...]:
        """The tests of real orders that it names."""
        return tuple(re.findall(r"`\[([\w.]+)\]`", self.shown))

    @property
    def others(self) -> tuple[str, ...]:
        """The other tests that it names, by file and function."""
        return tuple(re.findall(r"`([\w/]+\.py::\w+)`", self.shown))


def sections() -> dict[str, list[Row]]:
    """The page's tables, by the heading above them."""
    found: dict[str, list[Row]] = {}
    for each in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, body = each.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("| ")][1:]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        found[heading] = [Row(*each) for each in cells]
    return {heading: rows for heading, rows in found.items() if rows}


@cache
def every_row() -> tuple[Row, ...]:
    return tuple(row for rows in sections().values() for row in rows)


CODES = tuple(rule.code for rule in CHECKS)


@cache
def denial_codes() -> ModuleType:
    """The module whose tests send a real order for each code."""
    spec = util.spec_from_file_location("denial_codes", TESTS / "test_denial_codes.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def code_met_by(name: str) -> str:
    """The code by which an order is denied in the test of that name; empty where there is no such test."""
    edge = denial_codes().EDGES.get(name)
    if edge is not None:
        return str(edge.code)
    return name if name in denial_codes().REFUSED else ""


def functions_of(path: str) -> set[str]:
    """The test functions that pytest finds in a file under tests."""
    file = TESTS / path
    if not file.name.startswith("test_") or not file.is_file():
        return set()
    body = ast.parse(file.read_text("utf-8")).body
    return {each.name for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_of_every_source_is_there_once_and_in_its_order() -> None:
    found = sections()
    assert list(found) == list(ROWS)
    for source, names in ROWS.items():
        expected = [f"{SHORT[source]}-{name}" for name in names.split()]
        rows = [row.name for row in found[source]]
        assert rows == [*expected, *RELATED.get(source, ())] or not names, source
    assert [name for name, count in Counter(row.name for row in every_row()).items() if count > 1] == []


def test_every_row_has_a_kind_and_says_what_its_kind_asks() -> None:
    for row in every_row():
        assert row.kind in KINDS, row.name
        assert row.asks, row.name
        assert bool(row.met or row.others) == (row.kind in SHOWN), row.name
        assert (row.here == "") == (row.kind == "not yet"), row.name
        assert ("Not yet: " in row.here) == (row.kind == "part"), row.name


def test_every_check_of_the_program_is_in_a_row_of_checks_or_of_what_is_done_in_part() -> None:
    named = {word for row in every_row() if row.kind in ("check", "part") for word in row.words}
    assert [code for code in CODES if code not in named] == []
    assert named - set(CODES) == set()


def test_every_row_of_checks_names_the_test_that_stops_a_real_order_by_each_of_its_codes() -> None:
    for row in every_row():
        if row.kind == "check":
            codes = row.words - denial_codes().REFUSED_BEFORE.keys()
            assert codes, row.name
            assert codes <= {code_met_by(name) for name in row.met}, row.name


def test_every_test_that_is_named_exists() -> None:
    missing = [f"{row.name}: [{name}]" for row in every_row() for name in row.met if not code_met_by(name)]
    for row in every_row():
        for other in row.others:
            path, _, name = other.partition("::")
            if name not in functions_of(path):
                missing.append(f"{row.name}: {other}")
    assert missing == []


@pytest.mark.slow
def test_every_test_that_is_named_is_collected() -> None:
    files = sorted({other.partition("::")[0] for row in every_row() for other in row.others})
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p", "no:cacheprovider"]
    run = subprocess.run([*words, *files], cwd=TESTS, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    collected = {line.partition("[")[0].removeprefix("tests/") for line in run.stdout.splitlines()}
    assert {other for row in every_row() for other in row.others} - collected == set()


def test_it_can_be_counted() -> None:
    kinds = Counter(row.kind for row in every_row())
    tests = {name for row in every_row() for name in (*row.met, *row.others)}
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
    sys.stdout.write(f"\n{len(every_row())} rows: {counted}; {len(CODES)} checks, {len(tests)} tests\n")
    assert kinds.total() == len(every_row()) > 0
