import threading
from pathlib import Path

from agenttrader.app.kill.halting import Halt, begin
from agenttrader.model.errors import StoreError
from agenttrader.ports.side_journal import Stage


class Notes:
    """The side journal; what is asked of it beyond writing is nobody's here."""

    failure = ""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Stage, str]] = []
        self.written = threading.Semaphore(0)

    def write(self, act: str, subject: str, stage: Stage, outcome: str = "", **_: object) -> None:
        assert not subject
        self.lines.append((act, stage, outcome))
        self.written.release()


def test_an_act_that_hangs_keeps_no_other_waiting(tmp_path: Path) -> None:
    notes, mended = Notes(), threading.Event()

    def hang() -> str:
        mended.wait()
        return "late"

    hung, quick = begin((Halt("fence", hang), Halt("switch", lambda: f"{tmp_path} is 1")), lambda: notes)
    assert quick.wait(5)
    assert (quick.is_done, quick.said) == (True, f"{tmp_path} is 1")
    assert not hung.wait(0.01)
    assert (hung.is_done, hung.said) == (False, "")
    mended.set()
    assert hung.wait(5)
    assert hung.is_done


def test_an_error_that_nobody_foresaw_is_told_and_the_act_is_tried_again_plainly() -> None:
    def fail() -> str:
        raise UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")

    failed, again = begin(
        (Halt("switch", fail), Halt("fence", fail, plainly=lambda: "it stands \udcff")), Notes
    )
    assert failed.wait(5)
    assert (failed.is_done, failed.said.partition(":")[0]) == (False, "UnicodeEncodeError")
    assert again.wait(5)
    assert (again.is_done, again.said) == (True, "it stands \\udcff")


def test_it_is_noted_when_it_is_done_or_why_it_could_not_be() -> None:
    notes = Notes()

    def fail() -> str:
        raise StoreError("the disk is full")

    (failed,) = begin((Halt("fence", fail),), lambda: notes)
    assert failed.wait(5)
    assert (failed.is_done, failed.said) == (False, "the disk is full")
    assert notes.written.acquire(timeout=5)
    assert notes.lines == [("fence", "answered", "the disk is full")]
