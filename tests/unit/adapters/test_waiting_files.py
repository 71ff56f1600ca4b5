"""What waits, and what persons say of it, as files."""

import os
from pathlib import Path

import pytest

from agenttrader.adapters.persons import ENVELOPE_CHARACTERS_MAX
from agenttrader.adapters.waiting_files import WORDS_MAX, WaitingFiles
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import OrderId

ONE, OTHER = OrderId("a-1"), OrderId("b-2")


@pytest.fixture
def files(tmp_path: Path) -> WaitingFiles:
    made = WaitingFiles(tmp_path)
    made.keep(ONE, b"1")
    return made


def test_where_nothing_ever_waited_there_is_nothing(tmp_path: Path) -> None:
    assert WaitingFiles(tmp_path).read() == ()
    assert WaitingFiles(tmp_path).words() == {}


def test_what_waits_is_kept_changed_and_dropped(files: WaitingFiles) -> None:
    files.keep(OTHER, b"2")
    files.keep(ONE, b"3")
    assert files.read() == (b"3", b"2")
    files.drop(ONE)
    files.drop(ONE)
    assert files.read() == (b"2",)


def test_a_word_is_read_until_it_is_dropped(files: WaitingFiles) -> None:
    path = files.say("n", "an envelope")
    assert files.words() == {path.name: "an envelope"}
    files.drop_word(path.name)
    assert files.words() == {}


def test_what_is_no_file_or_too_long_is_no_word(files: WaitingFiles, tmp_path: Path) -> None:
    folder = tmp_path / "words"
    os.mkfifo(folder / "pipe.json")
    (folder / "long.json").write_text("x" * 9 * ENVELOPE_CHARACTERS_MAX)
    found = files.words()
    assert found["pipe.json"] == ""
    assert len(found["long.json"]) == ENVELOPE_CHARACTERS_MAX + 1
    (folder / "link.json").symlink_to("/etc/passwd")
    assert files.words()["link.json"] == ""


def test_no_more_words_are_read_than_can_be_looked_at(files: WaitingFiles) -> None:
    for number in range(WORDS_MAX + 2):
        files.say(str(number), "x")
    assert len(files.words()) == WORDS_MAX


def test_a_folder_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    (tmp_path / "waiting").write_text("")
    with pytest.raises(StoreError, match="what waits for a person"):
        WaitingFiles(tmp_path).keep(ONE, b"1")
