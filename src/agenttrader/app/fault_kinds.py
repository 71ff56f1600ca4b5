"""What may go wrong between an exchange and its clients, on request: a closed union of faults.

Every fault says what it strikes (`only`), how often (`per_mille`) and how many times. Whether it strikes is
drawn from a seed and from facts about what it would strike, and from nothing else, so the same seed and the
same requests give the same faults.
"""

import re
from typing import Literal

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.words import Word
from agenttrader.simulation.chance import Chance

ALWAYS_PER_MILLE = 1_000
WAIT_MILLISECONDS_MAX = 600_000
"""Ten minutes: what is held longer than any client waits is lost, and there is a fault for that."""


class When(Word):
    """On which side of the act the fault lies."""

    BEFORE = "before"
    """Nothing was done."""
    AFTER = "after"
    """It was done, and whoever asked for it is not told."""


class _Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """What every fault has. Raises BadValue where it could never strike, or not be what it says."""

    only: tuple[str, ...]
    """What it strikes; nothing named is all of its kind. See the groups below for the words."""
    per_mille: int
    """How often, of what it may strike; 1000 is always."""
    times: int | Literal["always"]
    """How often at most, in the life of a process."""

    def __post_init__(self) -> None:
        if not 1 <= self.per_mille <= ALWAYS_PER_MILLE:
            raise BadValue(f"per_mille: expected 1 to {ALWAYS_PER_MILLE}, found {self.per_mille}")
        if self.times != "always" and self.times < 1:
            raise BadValue(f"times: expected a whole number above 0, or always, found {self.times}")
        if not all(self.only):
            raise BadValue("only: expected words, found an empty one; an empty list means everything")
        milliseconds = getattr(self, "milliseconds", 1)
        if not 1 <= milliseconds <= WAIT_MILLISECONDS_MAX:
            raise BadValue(f"milliseconds: expected 1 to {WAIT_MILLISECONDS_MAX}, found {milliseconds}")

    @property
    def word(self) -> str:
        """The fault's own word, as it stands in configuration and on the control port."""
        return str(self.__struct_config__.tag)

    def names(self, subject: str) -> bool:
        """Whether `subject` is among what it strikes."""
        return not self.only or subject in self.only

    def is_drawn(self, seed: int, *facts: str | int) -> bool:
        """Whether it strikes what these facts describe."""
        if self.per_mille == ALWAYS_PER_MILLE:
            return True
        return Chance(seed, "fault", *facts).between(1, ALWAYS_PER_MILLE) <= self.per_mille


class _RequestFault(_Fault, frozen=True, kw_only=True):
    """Strikes a request; `only` holds beginnings of request lines, such as `POST /v2/orders`."""

    def names(self, subject: str) -> bool:
        """Whether the request line begins as one of `only` does."""
        return not self.only or subject.startswith(self.only)


class Latency(_RequestFault, frozen=True, kw_only=True, tag="latency"):
    """The request waits before it is acted on, or its answer does afterwards."""

    when: When
    milliseconds: int


class LostAnswer(_RequestFault, frozen=True, kw_only=True, tag="lost_answer"):
    """The connection is reset without an answer."""

    when: When


class HalfAnswer(_RequestFault, frozen=True, kw_only=True, tag="half_answer"):
    """It is done, and the connection is reset in the middle of the answer."""


class ErrorAnswer(_RequestFault, frozen=True, kw_only=True, tag="error_answer"):
    """The answer is an error, whatever was done."""

    when: When
    status: Literal[401, 429, 500, 504]


class Restart(_RequestFault, frozen=True, kw_only=True, tag="restart"):
    """The connection is reset without an answer, and the exchange's process ends."""

    when: When


class _MessageFault(_Fault, frozen=True, kw_only=True):
    """Strikes a message of the stream; `only` holds words of events, such as `fill`, or `watermark`.

    Where nothing is named, every order event may be struck, and no watermark.
    """

    def names(self, subject: str) -> bool:
        """Whether the event is among `only`."""
        return subject in self.only if self.only else subject != WATERMARK


WATERMARK = "watermark"
"""The word for a message that is no order's."""


class DoubledMessage(_MessageFault, frozen=True, kw_only=True, tag="doubled_message"):
    """It is told twice."""


class ReorderedMessage(_MessageFault, frozen=True, kw_only=True, tag="reordered_message"):
    """It is told after the message that follows; if none follows, after `milliseconds`."""

    milliseconds: int


class LateMessage(_MessageFault, frozen=True, kw_only=True, tag="late_message"):
    """It, and all that follows on its connection, is told later by `milliseconds`."""

    milliseconds: int


class LostMessage(_MessageFault, frozen=True, kw_only=True, tag="lost_message"):
    """It is not told."""


class CutStream(_MessageFault, frozen=True, kw_only=True, tag="cut_stream"):
    """In its place the connection is reset."""


class SilentStream(_MessageFault, frozen=True, kw_only=True, tag="silent_stream"):
    """It and whatever follows on its connection is not told; pings are answered.

    It ends after `milliseconds`, or when the fault is withdrawn.
    """

    milliseconds: int


class _BookFault(_Fault, frozen=True, kw_only=True):
    """Strikes what is in the exchange's own books; `only` holds symbols."""


class RejectedOrder(_BookFault, frozen=True, kw_only=True, tag="rejected_order"):
    """An order is accepted, and rejected after that."""

    message: str


class BustedFill(_BookFault, frozen=True, kw_only=True, tag="busted_fill"):
    """An execution is taken back."""


class CorrectedFill(_BookFault, frozen=True, kw_only=True, tag="corrected_fill"):
    """An execution gets another price, by so many ticks."""

    ticks: int

    def __post_init__(self) -> None:
        _Fault.__post_init__(self)
        if self.ticks == 0:
            raise BadValue("ticks: expected a whole number that is not 0, found 0")


RequestFault = Latency | LostAnswer | HalfAnswer | ErrorAnswer | Restart
MessageFault = DoubledMessage | ReorderedMessage | LateMessage | LostMessage | CutStream | SilentStream
OrderFault = RejectedOrder
FillFault = BustedFill | CorrectedFill
Fault = RequestFault | MessageFault | OrderFault | FillFault


class FaultPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue's faults in its configuration: those planned from the start, and who may plan others."""

    listen: str
    """Of the control port."""
    token_sha256: str
    """Of the token that its user shows, in hexadecimal."""
    seed: int
    planned: tuple[Fault, ...]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", self.token_sha256):
            raise BadValue(
                f"token_sha256: expected 64 hexadecimal digits in lower case, found {self.token_sha256!r}"
            )
