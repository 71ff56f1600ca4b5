import contextlib
import os
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from agenttrader.adapters import fence
from agenttrader.adapters.durable_files import replace
from agenttrader.adapters.fence import FenceSwitch, fence_path, raise_fence, read_fence
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.times import Instant
from agenttrader.ports.fence import Fence

FENCE = Fence(epoch=5, by="kill", reason="enough", time=Instant(1_795_185_000_000_000_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fence_path(tmp_path / "heads", AccountName("SIM-1"))


def test_where_there_is_none_nobody_is_kept_out(path: Path) -> None:
    assert read_fence(path) is None
    assert FenceSwitch(path, 1).read().state is TradingState.ACTIVE


def test_it_is_read_as_it_was_raised_and_raised_again(path: Path) -> None:
    raise_fence(path, FENCE)
    raise_fence(path, FENCE)
    assert read_fence(path) == FENCE
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("epoch", "state"),
    ((1, TradingState.FROZEN), (4, TradingState.FROZEN), (5, TradingState.ACTIVE), (6, TradingState.ACTIVE)),
)
def test_it_freezes_every_process_below_its_epoch(path: Path, epoch: int, state: TradingState) -> None:
    raise_fence(path, FENCE)
    reading = FenceSwitch(path, epoch).read()
    assert reading.state is state
    assert state is TradingState.ACTIVE or "kill has fenced off this process" in reading.reason


@pytest.mark.parametrize(("epoch", "is_enough"), ((4, False), (5, True), (6, True)))
def test_another_fence_in_its_place_will_do_where_it_is_no_lower(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, epoch: int, is_enough: bool
) -> None:
    def and_another(path: Path, content: bytes, mode: int) -> None:
        replace(path, content, mode)
        replace(path, msgspec.json.encode(structs.replace(FENCE, epoch=epoch, by="another")), mode)

    monkeypatch.setattr(fence, "replace", and_another)
    with contextlib.nullcontext() if is_enough else pytest.raises(StoreError, match="raise it again"):
        raise_fence(path, FENCE)


@pytest.mark.parametrize("content", (b"", b"0", b"{", b'{"epoch": 5}', b'{"epoch": "5"}'))
def test_what_is_no_fence_freezes(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert FenceSwitch(path, 1).read().state is TradingState.FROZEN
    with pytest.raises(StoreError, match="expected a fence or nothing"):
        read_fence(path)


@pytest.mark.parametrize("make", (os.mkdir, os.mkfifo))
def test_a_folder_or_a_pipe_in_its_place_freezes_and_makes_nobody_wait(path: Path, make: object) -> None:
    path.parent.mkdir()
    assert callable(make)
    make(path)
    assert FenceSwitch(path, 1).read().state is TradingState.FROZEN


def test_a_fence_that_cannot_be_put_there_says_so(path: Path) -> None:
    path.parent.write_text("a file in the folder's place")
    with pytest.raises(StoreError, match="expected to raise the fence"):
        raise_fence(path, FENCE)


def test_no_window_moves_it(path: Path) -> None:
    raise_fence(path, FENCE)
    kept_out = FenceSwitch(path, 4)
    assert not kept_out.is_movable
    kept_out.move(halted=True, reason="end of day")
    with pytest.raises(StoreError, match="only a new start"):
        kept_out.move(halted=False, reason="open")
