"""What rules by the journal alone, and who has signed for what waits to be loosened.

A segment says at its start all that rules in it; what persons tighten and loosen follows as records.
"""

from typing import assert_never

import msgspec

from agenttrader.gateway.checks.catalog import CHECKS
from agenttrader.gateway.tightness import names_in
from agenttrader.model.authority import Signature, SignedStatement
from agenttrader.model.events import SegmentOpened
from agenttrader.model.identifiers import digest_of
from agenttrader.model.ruling import (
    LimitsLoosened,
    LimitTightened,
    LooseningSigned,
    RulingChange,
    RulingEvent,
)

ID_CHARACTERS = 16
CHECKS_NAME = "program.checks"
"""The codes of the checks, as one of the values that rule."""


class Ruling:
    """Folded from the journal: values by name, as text, and signatures."""

    def __init__(self) -> None:
        self.base: dict[str, str] | None = None
        """What the segment began with, and what persons let loose since; None: no segment has said it."""
        self.tightened: dict[str, str] = {}
        """What persons have tightened in this segment: no signature loosens it before a restart."""
        self.why: dict[str, LimitTightened] = {}
        """The last tightening of each value, for who asks who and why; gone when it is loosened."""
        self._signed: dict[str, list[Signature]] = {}

    def begin(self, segment: SegmentOpened) -> None:
        """Fold the start of a segment. One that says nothing changes nothing."""
        if segment.rules:
            self.base = {each.name: each.value for each in segment.rules}
            self.tightened = {}

    def apply(self, event: RulingEvent) -> SignedStatement | None:
        """Fold one record; the statement that it used up."""
        match event:
            case LimitTightened(change=change):
                self.tightened[change.name] = change.after or ""
                self.why[change.name] = event
                return None
            case LooseningSigned(signed=signed):
                statement = signed.statement
                given = Signature(statement.person, event.session, statement.confirmation)
                self._signed.setdefault(statement.about, []).append(given)
                return signed
            case LimitsLoosened():
                self._loosen(event)
                return event.signed
            case _:
                assert_never(event)

    def signatures(self, loosening: str) -> tuple[Signature, ...]:
        """Who has signed for the loosening of that id so far."""
        return tuple(self._signed.get(loosening, ()))

    def _loosen(self, loosened: LimitsLoosened) -> None:
        self.base = dict(self.base or {})
        for change in loosened.changes:
            self.why.pop(change.name, None)
            if change.after is None:
                self.base.pop(change.name, None)
            else:
                self.base[change.name] = change.after
        # All that waited rules now: what was begun to be signed for was another file's.
        self._signed.clear()


def loosening_id(changes: tuple[RulingChange, ...]) -> str:
    """What a loosening is called: a digest of all that it changes. One more change, and it is another."""
    return digest_of(msgspec.json.encode(changes))[:ID_CHARACTERS] if changes else ""


def checks_gone(ruling: Ruling) -> tuple[str, ...]:
    """Checks that ruled before and that this program has not: nothing here can make up for them."""
    ruled_before = names_in((ruling.base or {}).get(CHECKS_NAME, ""))
    return tuple(sorted(ruled_before - {rule.code for rule in CHECKS}))
