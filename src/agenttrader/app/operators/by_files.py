"""A person's word on what waits in a decision-only process: files in, a signed file out.

There is no gateway in between: what is shown is read from the folder of the decisions, and the word lies
there until the process takes it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from agenttrader.app.deciding.holding import WaitingEntry, entry_of
from agenttrader.app.operators.acts import Pen, digest_shown
from agenttrader.model.authority import EVERYTHING, Act, Mode, Statement
from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant
from agenttrader.protocols.person_bodies import ApprovalBody


class Files(Protocol):
    """The folder of the decisions; each method raises StoreError where it cannot."""

    def read(self) -> tuple[bytes, ...]:
        """Every file of what waits."""
        ...

    def say(self, name: str, envelope: str) -> Path:
        """Put a word there, under a name that nothing else has."""
        ...


class FileDesk:
    """What waits in files, and a person's word on it."""

    def __init__(self, files: Files, now: Callable[[], Instant], nonce: Callable[[], str]) -> None:
        """`now` is the wall clock's time, `nonce` a new text at each call."""
        self._files = files
        self._now = now
        self._nonce = nonce

    def approvals(self) -> tuple[ApprovalBody, ...]:
        """Every entry that waits, the first asked first."""
        return tuple(entry.approval for entry in self._entries())

    def answer_approval(self, pen: Pen, act: Act, found: ApprovalBody, reason: str) -> Path:
        """Sign for an entry as it was shown, until its time is over; the file that says so.

        What is signed is the digest of what was shown, computed here. Raises BadValue where the file names
        another, or waits no more.
        """
        digest = digest_shown(found)
        entry = next((each for each in self._entries() if each.approval.digest == digest), None)
        if entry is None:
            raise BadValue("it waits no more: it was decided, denied or voided meanwhile; look again")
        nonce = self._nonce()
        statement = Statement(
            act=act,
            account=entry.account,
            epoch=entry.epoch,
            configuration=entry.configuration,
            mode=Mode.OFF,
            scope=EVERYTHING,
            start=found.shown.decision.inputs.now or Instant(0),
            end=found.shown.expires,
            reason=reason,
            person=pen.person,
            nonce=nonce,
            issued_at=self._now(),
            about=digest,
        )
        return self._files.say(nonce, pen.sign(statement))

    def _entries(self) -> list[WaitingEntry]:
        try:
            found = [entry_of(content) for content in self._files.read()]
        except (msgspec.MsgspecError, BadValue) as error:
            raise BadValue(
                "waiting: expected the files as `agenttrader decide` writes them, found one that is none: "
                f"{error}"
            ) from error
        return sorted(found, key=lambda entry: entry.approval.shown.decision.inputs.now or Instant(0))
