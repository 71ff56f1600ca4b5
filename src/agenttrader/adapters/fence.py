"""The fence as a file, and as the halt switch that nobody can leave unwired.

The file lies in the folder `fence` beside the folder of the outside heads: no lock and no database stand
between whoever raises it and whoever must see it. It is replaced whole and durably.
"""

import os
import stat
from pathlib import Path

import msgspec

from agenttrader.adapters.durable_files import make_folder, replace
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName
from agenttrader.ports.fence import Fence

SWITCH = "fence"
"""What the switch is called in reasons and records."""
CONTENT_BYTES_MAX = 4096

_decoder = msgspec.json.Decoder(Fence)
_encoder = msgspec.json.Encoder()


def fence_folder(heads_folder: Path) -> Path:
    """Where fences and side journals lie: beside the folder of the outside heads."""
    return heads_folder.parent / "fence"


def fence_path(heads_folder: Path, account: AccountName) -> Path:
    """The fence of one account."""
    return fence_folder(heads_folder) / f"{account}.json"


def read_fence(path: Path) -> Fence | None:
    """The fence that stands there, or None. Raises StoreError where there is something and it is not one."""
    try:
        return _decoder.decode(_content(path))
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(
            f"{path}: expected a fence or nothing, found: {error}. See who wrote it; once everything is "
            "known to be halted, remove the file"
        ) from error


def raise_fence(path: Path, fence: Fence) -> None:
    """Put the fence there, durably. Raises StoreError where then no such fence, or higher, stands there."""
    try:
        make_folder(path.parent, 0o700)
        replace(path, _encoder.encode(fence), 0o600)
    except OSError as error:
        raise StoreError(
            f"{path}: expected to raise the fence, found: {error.strerror}. Mend the folder, or end the "
            "gateway"
        ) from error
    found = read_fence(path)
    if found is None or found.epoch < fence.epoch:  # Another kill's, at the same time, does as well.
        raise StoreError(f"{path}: expected the fence that was just raised, found {found}: raise it again")


class FenceSwitch:
    """The fence at `path`, as the process of `epoch` sees it; implements `ports.halt_switch.HaltSwitch`."""

    name = SWITCH
    is_movable = False
    """It never comes down for the process that it keeps out."""

    def __init__(self, path: Path, epoch: int) -> None:
        self._path = path
        self._epoch = epoch

    def read(self) -> SwitchReading:
        """FROZEN where the fence keeps this process out, or cannot be read; ACTIVE where there is none."""
        try:
            fence = read_fence(self._path)
        except StoreError as error:
            return self._reading(TradingState.FROZEN, str(error))
        if fence is None or fence.epoch <= self._epoch:
            return self._reading(TradingState.ACTIVE, f"no fence above epoch {self._epoch}")
        return self._reading(
            TradingState.FROZEN,
            f"{fence.by} has fenced off this process (epoch {self._epoch}, the fence is {fence.epoch}): "
            f"{fence.reason}. Only a new start of the gateway gets past it",
        )

    def move(self, *, halted: bool, reason: str) -> None:
        """Nothing where it stands so already. Raises StoreError otherwise: it is raised by kill alone."""
        if halted != (self.read().state is not TradingState.ACTIVE):
            raise StoreError(
                f"{self._path}: expected to {'halt' if halted else 'let go'} by the fence ({reason}), found "
                "that only kill and the sentinel raise it, and only a new start of the gateway gets past it"
            )

    def _reading(self, state: TradingState, reason: str) -> SwitchReading:
        return SwitchReading(name=self.name, state=state, reason=reason)


def _content(path: Path) -> bytes:
    """The file, without blocking: a pipe in its place would make every order wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        return os.read(descriptor, CONTENT_BYTES_MAX)
    finally:
        os.close(descriptor)
