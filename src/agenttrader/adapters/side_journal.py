"""The side journal as a file of JSON lines in the fence's folder, one for whoever acts beside the gateway."""

import contextlib
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from agenttrader.adapters.durable_files import make_folder, sync_folder, write_whole
from agenttrader.adapters.fence import fence_folder
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.outside import ActedOutside
from agenttrader.model.plain_text import plain
from agenttrader.model.reports import StatedOrder
from agenttrader.model.times import Instant
from agenttrader.model.values import exact
from agenttrader.ports.side_journal import Stage

UNREADABLE = "unreadable"
"""The act of a line that is none: torn by a crash, written by somebody else, or with an impossible number."""
WRITERS = ("kill", "sentinel", "restore")
"""Who acts beside the gateway, each with a journal of that name."""

TIMES_END = 1 << 63
"""As many nanoseconds as 64 bits hold, with a sign."""


class SideLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One act, before it or after it; see `ports.side_journal`."""

    time: Instant
    """By the wall clock."""
    by: str
    act: str
    subject: str
    """The order or the symbol; empty where it is about everything."""
    stage: Stage
    outcome: str = ""
    held: Decimal | None = None
    broker_time: Instant | None = None
    order: StatedOrder | None = None


_decoder = msgspec.json.Decoder(SideLine)
_encoder = msgspec.json.Encoder()


class SideJournal:
    """The side journal of `name`, for acts of `by`; implements `ports.side_journal.SideLog`."""

    def __init__(
        self, heads_folder: Path, account: AccountName, name: str, by: str, now: Callable[[], Instant]
    ) -> None:
        self.path = fence_folder(heads_folder) / f"{account}.{name}.jsonl"
        self._by = by
        self._now = now
        self._failure = ""

    @property
    def failure(self) -> str:
        """Why some line could not be written; empty where all could."""
        return self._failure

    def write(
        self,
        act: str,
        subject: str,
        stage: Stage,
        outcome: str = "",
        *,
        held: Decimal | None = None,
        broker_time: Instant | None = None,
        order: StatedOrder | None = None,
    ) -> None:
        """Append a line and sync it."""
        line = SideLine(
            time=self._now(),
            by=plain(self._by),
            act=act,
            subject=subject,
            stage=stage,
            outcome=plain(outcome),
            held=held,
            broker_time=broker_time,
            order=order,
        )
        try:
            make_folder(self.path.parent, 0o700)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                start = b"\n" if _is_torn(descriptor) else b""
                write_whole(descriptor, start + _encoder.encode(line) + b"\n")
            finally:
                os.close(descriptor)
            sync_folder(self.path.parent)
        except OSError as error:
            self._failure = f"{self.path}: expected to write what is done, found: {error}"


def _is_torn(descriptor: int) -> bool:
    """Whether the file ends within a line, as of somebody who was stopped there."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def read_side_journals(heads_folder: Path, account: AccountName) -> tuple[ActedOutside, ...]:
    """Every line of every side journal of the account, as the journal will hold it.

    Raises StoreError where one is there and cannot be read.
    """
    found: list[ActedOutside] = []
    for journal in WRITERS:
        path = fence_folder(heads_folder) / f"{account}.{journal}.jsonl"
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{path}: expected a side journal that can be read, found: {error}") from error
        found += (_event(journal, number, line) for number, line in enumerate(lines, 1))
    return tuple(found)


def _event(journal: str, number: int, line: bytes) -> ActedOutside:
    with contextlib.suppress(msgspec.MsgspecError, ArithmeticError, UnicodeError, RecursionError, BadValue):
        said = _decoder.decode(line)
        _require_sane(said)
        return ActedOutside(journal=journal, line=number, **structs.asdict(said))
    return ActedOutside(
        journal=journal,
        line=number,
        time=Instant(0),
        by="",
        act=UNREADABLE,
        subject="",
        stage="answered",
        outcome=line.decode(errors="replace"),
    )


def _require_sane(line: SideLine) -> None:
    """Raise BadValue where a number or a time is none that the journal and the book can hold."""
    for time in (line.time, line.broker_time, None if line.order is None else line.order.time):
        if time is not None and not 0 <= time < TIMES_END:
            raise BadValue(f"time: expected nanoseconds since 1970, found {time}")
    if line.held is not None and not exact(line.held, "held"):
        raise BadValue("held: expected something, found 0")
    if line.order is not None and exact(line.order.quantity, "quantity") <= 0:
        raise BadValue(f"quantity: expected more than 0, found {line.order.quantity}")
