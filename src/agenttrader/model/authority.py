"""Who may loosen what: modes, windows, the statements that persons sign, and how many of them must."""

from collections.abc import Sequence

from msgspec import Struct

from agenttrader.model.identifiers import AccountName, Digest, PersonName
from agenttrader.model.times import Instant
from agenttrader.model.words import Word


class Mode(Word):
    """How far orders may go.

    Configuration holds a ceiling; a window carries the mode it trades in; at rest the mode is OFF.
    """

    OFF = "off"
    OBSERVE = "observe"
    DRY_RUN = "dry_run"
    PAPER = "paper"
    LIVE = "live"

    @property
    def rank(self) -> int:
        """0 for OFF up to 4 for LIVE."""
        return _RANK[self]


_RANK = {mode: position for position, mode in enumerate(Mode)}


class Approval(Word):
    """Whether a person approves each entry before it leaves, or the checks alone decide."""

    MANUAL = "manual"
    AUTO = "auto"


class PersonRole(Word):
    """What a person may do; each includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class ScopeKind(Word):
    """What a halt or a window covers."""

    EVERYTHING = "everything"
    ACCOUNT = "account"
    AGENT = "agent"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


class Scope(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One kind and the name in it; EVERYTHING has an empty name."""

    kind: ScopeKind
    name: str = ""


EVERYTHING = Scope(ScopeKind.EVERYTHING)


class Act(Word):
    """What a person's statement asks for."""

    OPEN_WINDOW = "open_window"
    EXTEND_WINDOW = "extend_window"
    RESUME_WINDOW = "resume_window"
    RESUME = "resume"
    ACCEPT_BREAK = "accept_break"
    APPROVE_ORDER = "approve_order"
    DENY_ORDER = "deny_order"
    LOOSEN_LIMITS = "loosen_limits"


_OPERATORS = frozenset({PersonRole.OPERATOR, PersonRole.APPROVER, PersonRole.ADMIN})
_APPROVERS = frozenset({PersonRole.APPROVER, PersonRole.ADMIN})
MAY_SIGN: dict[Act, frozenset[PersonRole]] = {
    Act.OPEN_WINDOW: _OPERATORS,
    Act.EXTEND_WINDOW: _OPERATORS,
    Act.RESUME_WINDOW: _OPERATORS,
    Act.RESUME: _OPERATORS,
    Act.ACCEPT_BREAK: _OPERATORS,
    Act.APPROVE_ORDER: _APPROVERS,
    Act.DENY_ORDER: _APPROVERS,
    Act.LOOSEN_LIMITS: _APPROVERS,
}
"""Whose signature counts for what."""
MAY_MAKE_SMALLER = _OPERATORS
"""Whose token cancels, closes and tightens. Anybody's looks, compares, halts and closes a window."""


class Statement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A person's word. It travels in a DSSE envelope signed with the person's own Ed25519 key.

    Bound to one account, one epoch of its store and one configuration, so that it cannot be used again
    elsewhere or later.
    """

    act: Act
    account: AccountName
    epoch: int
    configuration: Digest
    mode: Mode
    scope: Scope
    start: Instant
    end: Instant
    reason: str
    person: PersonName
    nonce: str
    issued_at: Instant
    about: str = ""
    """What an act is about that is no scope: what is accepted, the digest of what is approved or loosened."""
    confirmation: str = ""
    """What the person retyped."""


SINGLE_PERSON = "SINGLE PERSON"
"""What one person retypes who signs for two, and what every report says where that is the profile."""


class Signature(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Who has signed for something, in which session, and what they retyped."""

    person: PersonName
    session: str
    """The trading day, YYYY-MM-DD."""
    confirmation: str = ""


def still_missing(given: Sequence[Signature], persons: int, people: int) -> str:
    """What is missing until `persons` different persons have signed, in a sentence; empty where it is enough.

    Where the profile says `people = 1` there is no second person: the same one signs again, in a later
    session than the first time and with the phrase retyped.
    """
    different = len({each.person for each in given})
    if different >= persons:
        return ""
    if people == 1 and given:
        first = min(each.session for each in given)
        if any(each.session > first and each.confirmation == SINGLE_PERSON for each in given):
            return ""
        return f"the same person signs again in a session after {first}, and retypes {SINGLE_PERSON}"
    return f"{persons - different} more, of {persons} different persons"


class SignedStatement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement whose envelope was verified with the person's configured key, and the envelope."""

    statement: Statement
    envelope: str
