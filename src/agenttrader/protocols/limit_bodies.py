"""Limits as `/v1` shows them: what rules, what of it is used, what waits to be signed for."""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.identifiers import Digest, PersonName


class LimitBody(Struct, frozen=True, kw_only=True):
    """One value that rules, such as `account.gross_exposure_max`."""

    name: str
    value: str
    used: Decimal | None
    """None where nothing is used up of it, as of what holds for each order by itself, or nobody knows."""
    left: Decimal | None
    tightened: str = ""
    """Who tightened it last, from what and why, while the file says another; empty where it is the file's."""


class WaitingBody(Struct, frozen=True, kw_only=True):
    """One value that the configuration has looser than it rules; None where there is none."""

    name: str
    rules: str | None
    configured: str | None


class LimitsBody(Struct, frozen=True, kw_only=True):
    """All that rules, as far as it is the asking one's. What waits, a person alone is shown."""

    limits: tuple[LimitBody, ...]
    digest: Digest
    """That of the limits, which every decision names."""
    waiting: tuple[WaitingBody, ...] = ()
    loosening: str = ""
    """The id of what waits, all of it together: what is signed for."""
    signed: tuple[PersonName, ...] = ()
    missing: str = ""
    """What is missing until it rules; empty where nothing waits."""
    single_person: bool = False


class TightenBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Which value shall be tighter, how tight, and why."""

    name: str
    value: str
    reason: str
