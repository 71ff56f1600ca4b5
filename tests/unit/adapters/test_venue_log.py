"""The venue's log: whole lines or none, one writer, and what a kill or a full disk leaves."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agenttrader.adapters.venue_log import VenueLog
from agenttrader.model.errors import StoreError, StoreLocked


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue" / "venue.log")
    log.append(b"one")
    log.append(b"two")
    log.close()
    again = VenueLog(tmp_path / "venue" / "venue.log")
    assert list(again.read()) == [b"one", b"two"]
    again.append(b"three")
    assert list(again.read()) == [b"one", b"two", b"three"]
    again.close()


@pytest.mark.parametrize("rest", (b"half", b"h" * 200_000))
def test_a_line_without_its_end_is_cut_off(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "venue.log"
    path.write_bytes(b"one\ntwo\n" + rest)
    log = VenueLog(path)
    assert list(log.read()) == [b"one", b"two"]
    log.append(b"three")
    log.close()
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_file_of_nothing_but_a_torn_line_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "venue.log"
    path.write_bytes(b"half")
    log = VenueLog(path)
    assert list(log.read()) == []
    log.close()


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        VenueLog(tmp_path / "venue.log")
    log.close()
    VenueLog(tmp_path / "venue.log").close()


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="expected to open the venue's log"):
        VenueLog(tmp_path / "file" / "venue.log")


def test_a_full_disk_leaves_whole_lines_only(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    log.append(b"x" * 90)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        for _ in range(2):
            with pytest.raises(StoreError, match="make room on the disk"):
                log.append(b"y" * 90)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(log.read()) == [b"x" * 90]
    log.close()


def test_a_killed_process_has_lost_nothing_that_it_appended(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from agenttrader.adapters.venue_log import VenueLog\n"
        "log = VenueLog(Path(sys.argv[1]))\n"
        "number = 0\n"
        "while True:\n"
        "    log.append(b'%d' % number); print(number, flush=True); number += 1\n"
    )
    path = tmp_path / "venue.log"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 100:
            pass
        process.send_signal(signal.SIGKILL)
        said = process.stdout.read().splitlines()
    log = VenueLog(path)
    numbers = [int(line) for line in log.read()]
    log.close()
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > (int(said[-1]) if said else 100)
