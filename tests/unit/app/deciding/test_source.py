import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agenttrader.app.deciding.source import lines_of_file, lines_of_pipe


def script(*acts: Callable[[], object]) -> Callable[[], bool]:
    """Does one act at each wait, and then has enough."""
    left = iter(acts)

    def wait() -> bool:
        act = next(left, None)
        if act is not None:
            act()
        return act is not None

    return wait


def never() -> bool:
    raise AssertionError("nothing to wait for")


def contents(
    path: Path, wait: Callable[[], bool], *, at_end: bool = False, follows: bool = True
) -> list[bytes]:
    return [line.content for line in lines_of_file(path, wait, at_end=at_end, follows=follows)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "proposals.ndjson"
    file.write_bytes(b"one\ntwo\n")
    return file


def add(path: Path, content: bytes) -> Callable[[], object]:
    def act() -> None:
        with path.open("ab") as file:
            file.write(content)

    return act


def test_a_file_is_read_to_its_end_once(path: Path) -> None:
    assert contents(path, never, follows=False) == [b"one", b"two"]
    add(path, b"torn")()
    assert contents(path, never, follows=False) == [b"one", b"two", b"torn"]
    assert contents(path, never, at_end=True, follows=False) == []


def test_what_is_added_comes_too_and_a_line_once_it_has_its_end(path: Path) -> None:
    wait = script(add(path, b"thr"), add(path, b"ee\nfo"), add(path, b"ur"))
    assert contents(path, wait) == [b"one", b"two", b"three"]


def test_from_the_end_only_what_is_added_comes(path: Path) -> None:
    assert contents(path, script(add(path, b"three\n")), at_end=True) == [b"three"]


def test_another_file_of_that_name_is_read_from_its_beginning(path: Path) -> None:
    def another() -> None:
        new = path.with_suffix(".new")
        new.write_bytes(b"three\n")
        new.replace(path)

    assert contents(path, script(another)) == [b"one", b"two", b"three"]
    assert contents(path, script(lambda: path.write_bytes(b"4\n"))) == [b"three", b"4"]


def test_a_file_that_is_away_may_come_again(path: Path) -> None:
    wait = script(path.unlink, lambda: path.write_bytes(b"three\n"))
    assert contents(path, wait) == [b"one", b"two", b"three"]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def test_a_pipe_is_read_to_its_end(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.write(writer, b"one\ntorn")
    os.close(writer)
    assert [line.content for line in lines_of_pipe(reader, never, 1)] == [b"one", b"torn"]


def test_a_silent_pipe_can_be_left(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    wait = script(lambda: os.write(writer, b"one\n"))
    assert [line.content for line in lines_of_pipe(reader, wait, 0.001)] == [b"one"]
    os.close(writer)
