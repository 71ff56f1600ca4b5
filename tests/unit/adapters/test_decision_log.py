import json
from pathlib import Path

import pytest

from agenttrader.adapters.decision_log import FILE, INDEX, DecisionLog
from agenttrader.model.errors import StoreError, StoreLocked

DAY, NEXT = "2026-11-20", "2026-11-21"


def line(name: str | None) -> bytes:
    order = None if name is None else {"symbol": "ALFA"}
    return (
        json.dumps({"proposal_id": name, "recommended_order": order, "decision": "REJECT"}).encode() + b"\n"
    )


def test_each_day_has_its_file_and_what_was_decided_stays_decided(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "a" / "b")
    log.append(DAY, line("p-1"), "p-1")
    log.append(NEXT, line("p-2"), "p-2")
    log.append(NEXT, line(None), None)
    log.close()
    assert (log.folder / DAY / FILE).read_bytes() == line("p-1")
    assert (log.folder / NEXT / FILE).read_bytes() == line("p-2") + line(None)
    again = DecisionLog(log.folder)
    assert [again.is_decided(name) for name in ("p-1", "p-2", "p-3", "P-1")] == [True, True, False, False]
    again.close()


def test_what_was_approved_on_a_day_is_known_again_that_day_and_kept_no_longer(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    for number in (1, 2):
        log.append(DAY, line(f"p-{number}"), f"p-{number}", b"approved %d" % number)
    log.append(DAY, line("p-3"), "p-3")
    log.append(DAY, line("p-1"), "p-1", b"anew")
    log.close()
    again = DecisionLog(tmp_path)
    assert (again.approved(DAY), again.approved(NEXT)) == ((b"approved 2", b"anew"), ())
    again.append(NEXT, line("p-4"), "p-4", b"approved 4")
    assert (again.approved(DAY), again.approved(NEXT)) == ((), (b"approved 4",))
    again.close()


def test_what_a_crash_left_on_file_alone_is_decided(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    log.append(DAY, line("p-1"), "p-1")
    log.close()
    torn = line("p-3")[:-2]
    with (tmp_path / DAY / FILE).open("ab") as file:
        file.write(line("p-2") + torn)
    again = DecisionLog(tmp_path)
    assert [again.is_decided(name) for name in ("p-1", "p-2", "p-3")] == [True, True, False]
    again.append(DAY, line("p-3"), "p-3")
    again.close()
    assert (tmp_path / DAY / FILE).read_bytes() == line("p-1") + line("p-2") + line("p-3")


def test_the_name_of_a_line_that_was_refused_is_free(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    log.append(DAY, line("p-1").replace(b'{"symbol": "ALFA"}', b"null"), None)
    log.close()
    again = DecisionLog(tmp_path)
    assert not again.is_decided("p-1")
    again.close()


def test_one_process_writes(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    with pytest.raises(StoreLocked):
        DecisionLog(tmp_path)
    log.close()
    DecisionLog(tmp_path).close()


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    (tmp_path / DAY).write_text("in the way")
    with pytest.raises(StoreError, match="expected to keep decisions"):
        log.append(DAY, line("p-1"), "p-1")
    assert not log.is_decided("p-1")
    log.close()


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("not an index at all, but a text that is long enough")
    with pytest.raises(StoreError):
        DecisionLog(tmp_path)
    (tmp_path / INDEX).unlink()
    (tmp_path / DAY).mkdir()
    (tmp_path / DAY / FILE).write_text("not a decision\n")
    with pytest.raises(StoreError, match="no decision"):
        DecisionLog(tmp_path)
