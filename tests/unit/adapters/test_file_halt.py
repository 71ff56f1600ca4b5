import os
from pathlib import Path

import pytest

from agenttrader.adapters import durable_files, file_halt
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import StoreError
from agenttrader.ports.halt_switch import HaltSwitch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "EXECUTION_HALTED"


@pytest.mark.parametrize(
    ("content", "state"),
    (
        (b"0", TradingState.ACTIVE),
        (b"0\n", TradingState.ACTIVE),
        (b"1", TradingState.HALTED),
        (b"1\n", TradingState.HALTED),
    ),
)
def test_a_digit_with_or_without_a_line_feed_is_understood(
    path: Path, content: bytes, state: TradingState
) -> None:
    path.write_bytes(content)
    assert FileHalt(path).read() == SwitchReading(
        name="file", state=state, reason=f"{path} is {content[:1].decode()}"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    (
        (b"", "an empty file"),
        (b"\n", r"'\n'"),
        (b"00", "'00'"),
        (b"0 ", "'0 '"),
        (b" 0", "' 0'"),
        (b"0\n\n", r"'0\n\n'"),
        (b"0\r\n", r"'0\r\n'"),
        (b"2\n", r"'2\n'"),
        (b"false", "'fal'"),
        (b"\xff\x00", r"'\\xff\x00'"),
        (b"0" * 100_000, "'000'"),
    ),
)
def test_other_words_are_a_halt(path: Path, content: bytes, found: str) -> None:
    path.write_bytes(content)
    assert FileHalt(path).read() == SwitchReading(
        name="file", state=TradingState.HALTED, reason=f"expected 0 or 1 in {path}, found {found}"
    )


def test_what_cannot_be_read_is_a_halt_and_keeps_nobody_waiting(path: Path, tmp_path: Path) -> None:
    switch: HaltSwitch = FileHalt(path)
    reasons = [switch.read().reason]
    path.mkdir()
    reasons.append(switch.read().reason)
    path.rmdir()
    os.mkfifo(path)
    reasons.append(switch.read().reason)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    reasons.append(switch.read().reason)
    assert [reason.removeprefix(f"expected 0 or 1 in {path}, found: ") for reason in reasons] == [
        "No such file or directory",
        "not a regular file",
        "not a regular file",
        "No such file or directory",
    ]
    assert switch.read().state is TradingState.HALTED


def test_it_is_moved_and_reads_back(path: Path) -> None:
    switch = FileHalt(path, "kill file")
    for halted, content in ((True, b"1\n"), (False, b"0\n"), (False, b"0\n"), (True, b"1\n")):
        switch.move(halted=halted, reason="a drill")
        assert path.read_bytes() == content
        assert (switch.read().state is TradingState.HALTED) is halted
    assert (switch.name, switch.read().name) == ("kill file", "kill file")
    assert list(path.parent.iterdir()) == [path]


def test_it_is_moved_through_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1")
    path.symlink_to(tmp_path / "real")
    FileHalt(path).move(halted=False, reason="open")
    assert (path.is_symlink(), (tmp_path / "real").read_text()) == (True, "0\n")


def test_a_switch_that_cannot_be_moved_says_so(path: Path, tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"set the halt switch to 1 \(close\), found: No such file.*Set it by hand"
    ):
        FileHalt(tmp_path / "missing" / "file").move(halted=True, reason="close")
    path.mkdir()
    with pytest.raises(StoreError, match="found: Is a directory"):
        FileHalt(path).move(halted=True, reason="close")
    assert list(path.iterdir()) == []


def test_a_switch_that_somebody_else_moves_back_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace_and_lose(path: Path, content: bytes) -> None:
        durable_files.replace(path, content)
        path.write_bytes(b"0\n")

    monkeypatch.setattr(file_halt, "replace", replace_and_lose)
    with pytest.raises(
        StoreError, match=r"expected b'1\\n' after setting the halt switch \(close\), found b'0\\n'"
    ):
        FileHalt(path).move(halted=True, reason="close")
