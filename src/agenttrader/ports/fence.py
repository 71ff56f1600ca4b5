"""The fence of one account: what tells a gateway that lives, hangs or wakes up that its time is over.

Every process that writes an account's journal has an epoch, above the last one's. A fence names an epoch, and
no process below it may send anything any more. It never comes down: the next process takes an epoch above it.
"""

from msgspec import Struct

from agenttrader.model.times import Instant


class Fence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is kept out (every process whose epoch is below `epoch`), by whom, why and since when."""

    epoch: int
    by: str
    reason: str
    time: Instant
    """By the wall clock of whoever raised it."""


def epoch_above(last: int, fence: Fence | None) -> int:
    """The epoch of a process that starts after one of epoch `last`, and after `fence` was raised."""
    return max(last, 0 if fence is None else fence.epoch) + 1


def epoch_to_fence(last: int | None, fence: Fence | None, now: Instant) -> int:
    """The epoch that fences off every process of now, where the journal's last epoch is `last`.

    Two above it, for a process that is just starting has the next. Where the journal cannot be read, the
    seconds since 1970: no count of starts comes near, and the next process goes on from there.
    """
    known = now // 1_000_000_000 if last is None else last + 2
    return max(known, 0 if fence is None else fence.epoch)
