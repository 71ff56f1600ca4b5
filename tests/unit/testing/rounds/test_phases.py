"""The page outlives the process that wrote it, and tells it when to die."""

import signal
import subprocess
import sys
from pathlib import Path

from agenttrader.testing.rounds.phases import PHASES, Fate, Page, Phase, doom, furthest, make_page

FIRST, SECOND = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
WRITER = """
import os, sys
from pathlib import Path
from agenttrader.testing.rounds.phases import Page, Phase
page = Page(Path(sys.argv[1]))
page.note(sys.argv[2], Phase.DECIDED)
page.note(sys.argv[2], Phase.COMMITTED)
os.kill(os.getpid(), 9)
"""


def test_an_empty_page_tells_nothing_and_knows_no_fate(tmp_path: Path) -> None:
    make_page(tmp_path / "page")
    assert furthest(tmp_path / "page") == ({}, "")
    assert Page(tmp_path / "page").fate() is None


def test_the_furthest_phase_of_each_order_counts(tmp_path: Path) -> None:
    make_page(tmp_path / "page")
    page = Page(tmp_path / "page")
    for phase in (*PHASES, Phase.ANSWERED):
        page.note(FIRST, phase)
    page.note(SECOND, Phase.DECIDED)
    assert furthest(tmp_path / "page") == ({FIRST: Phase.RECORDED, SECOND: Phase.DECIDED}, SECOND)


def test_a_fate_is_heard_by_the_process_that_has_the_page_already(tmp_path: Path) -> None:
    make_page(tmp_path / "page")
    page = Page(tmp_path / "page")
    page.note(FIRST, Phase.DECIDED)
    fate = Fate(phase=Phase.SENDING, nth=3, pause_microseconds=200)
    doom(tmp_path / "page", fate)
    assert page.fate() == fate
    page.note(FIRST, Phase.SENDING)
    assert furthest(tmp_path / "page") == ({FIRST: Phase.SENDING}, FIRST)


def test_it_outlives_a_kill(tmp_path: Path) -> None:
    make_page(tmp_path / "page")
    ended = subprocess.run([sys.executable, "-c", WRITER, tmp_path / "page", FIRST], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert furthest(tmp_path / "page") == ({FIRST: Phase.COMMITTED}, FIRST)
