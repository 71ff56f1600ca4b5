"""What can go wrong in a world: each fault is data, with when it happens and what it does.

`at_seconds` is the time since the world began, in the time of its processes; the market's minutes are faster.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

Lane = Literal["order", "cancel", "replace", "question"]
RequestFault = Literal[
    "refused",
    "lost_request",
    "lost_answer",
    "reset_before",
    "reset_after",
    "late_request",
    "late_answer",
    "doubled",
    "429",
    "500",
    "500_after",
    "503",
    "504_after",
    "garbled",
]
StreamFault = Literal["dropped", "silent", "storm", "lossy", "doubled", "late", "reordered", "garbled"]
FeedFault = Literal["down", "silent", "frozen", "spike", "late", "again", "future"]
DiskFault = Literal["full", "late_error", "slow", "cut_before", "cut_after"]
SwitchContent = Literal["1", "0", "missing", "garbage"]
Mishap = Literal["bust", "correct", "reject"]
What = Literal["enter", "leave", "close", "cancel", "replace", "retry", "flood"]
Halt = Literal[
    "halt_all", "freeze_all", "halt_symbol", "halt_agent", "reduce_only", "close_window", "liquidate"
]


class _Fault(Struct, frozen=True, kw_only=True, tag=True):
    at_seconds: float


class RequestFails(_Fault, frozen=True, kw_only=True):
    """The next `count` requests of a lane meet this on their way, or on the answer's way back."""

    lane: Lane
    how: RequestFault
    count: int
    seconds: float


class StreamFails(_Fault, frozen=True, kw_only=True):
    """The broker's stream does this for so long."""

    how: StreamFault
    seconds: float


class FeedFails(_Fault, frozen=True, kw_only=True):
    """The market data do this for so long; of one symbol, or of all."""

    how: FeedFault
    seconds: float
    symbol: str | None
    factor: Decimal


class DiskFails(_Fault, frozen=True, kw_only=True):
    """The journal's disk does this at one of its next writes, or for so long."""

    how: DiskFault
    writes: int
    seconds: float


class GatewayDies(_Fault, frozen=True, kw_only=True):
    """The gateway is killed, and started again after so long."""

    seconds: float


class GatewayStops(_Fault, frozen=True, kw_only=True):
    """The gateway is told to stop, does so in order, and is started again after so long."""

    seconds: float


class VenueDies(_Fault, frozen=True, kw_only=True):
    """The exchange is killed, and started again on its log after so long."""

    seconds: float


class SecondGateway(_Fault, frozen=True, kw_only=True):
    """Somebody starts another gateway on the same store."""


class Imposter(_Fault, frozen=True, kw_only=True):
    """For so long, who answers at the broker's address says that it is another account."""

    seconds: float


class SwitchMoves(_Fault, frozen=True, kw_only=True):
    """Somebody writes, spoils or removes the file of the halt switch."""

    content: SwitchContent


class MishapHappens(_Fault, frozen=True, kw_only=True):
    """The exchange takes back, corrects or rejects what it took; the `pick`th of those that it can."""

    how: Mishap
    pick: int


class HandTrades(_Fault, frozen=True, kw_only=True):
    """Somebody trades in the account by hand, past the gateway."""

    symbol: str
    quantity: int


class Kills(_Fault, frozen=True, kw_only=True):
    """A person raises the fence: nothing more may leave this process."""


class ForgedStatement(_Fault, frozen=True, kw_only=True):
    """Somebody without the person's key, or with an old statement, would like to let trading go on."""

    how: Literal["another_key", "used", "another_account"]


class Acts(Struct, frozen=True, kw_only=True, tag=True):
    """An agent does something."""

    at_seconds: float
    what: What
    agent: str
    symbol: str
    buys: bool
    quantity: int
    kind: Literal["market", "limit", "stop"]
    offset: int
    """Of its price from the last, in thousandths."""
    pick: int


class Halts(Struct, frozen=True, kw_only=True, tag=True):
    """A person halts a scope, closes the window, or closes all that is held."""

    at_seconds: float
    how: Halt


Happening = (
    RequestFails
    | StreamFails
    | FeedFails
    | DiskFails
    | GatewayDies
    | GatewayStops
    | VenueDies
    | SecondGateway
    | Imposter
    | SwitchMoves
    | MishapHappens
    | HandTrades
    | Kills
    | ForgedStatement
    | Acts
    | Halts
)
"""Everything that a seed can bring about; what is left of it when some is taken away is a world, too."""


def kind_of(happening: Happening) -> str:
    """What it is called in a report."""
    match happening:
        case RequestFails(lane=lane, how=how):
            return f"{lane} {how}"
        case StreamFails(how=how):
            return f"stream {how}"
        case FeedFails(how=how):
            return f"feed {how}"
        case DiskFails(how=how):
            return f"disk {how}"
        case SwitchMoves(content=content):
            return f"switch {content}"
        case MishapHappens(how=how):
            return f"exchange {how}"
        case ForgedStatement(how=how):
            return f"statement {how}"
        case Halts(how=how):
            return how
        case Acts(what=what):
            return f"agent {what}"
        case _:
            return type(happening).__name__
