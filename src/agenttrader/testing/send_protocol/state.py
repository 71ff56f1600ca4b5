"""The words of the model: what may happen, and all that there is in one of its worlds."""

from enum import Enum

from msgspec import Struct

from agenttrader.testing.send_protocol.rules import Promise

QUANTITIES = (1, 2)
"""What wish A and wish B are for."""
LIMIT = 2
"""What may be held or may fill at once: A once more would fit, A beside B does not."""
STARTS_MAX = 4
SENT_MAX = 4
TOLD_MAX = 2
Name = tuple[int, int]
"""An order's id towards the broker: epoch and sequence of its record."""


class Verb(Enum):
    """What may happen."""

    PROPOSE = "propose"
    """The agent says its wish; the gateway decides in memory."""
    WRITE = "write"
    """The decision is on disk."""
    SEND = "send"
    """The order is on the wire, or withheld by the last look."""
    SEND_AGAIN = "send again"
    """Only where the rule against it is gone."""
    ARRIVE = "arrive"
    VANISH = "vanish"
    """The wire loses it."""
    ANSWER = "answer"
    """The broker's answer reaches the gateway."""
    SILENCE = "silence"
    """The gateway has waited long enough for it."""
    FILL = "fill"
    TELL = "tell"
    """The gateway hears of the fill."""
    CRASH = "crash"
    START = "start"
    COMPARE = "compare"
    KILL = "kill"
    TRADE_BY_HAND = "trade by hand"


class Act(Struct, frozen=True, gc=False):
    """One thing that happens: to a wish, to an order on the wire by its place there, or at a gateway."""

    verb: Verb
    number: int = 0
    gateway: int = 0

    def __str__(self) -> str:
        of_wish = self.verb is Verb.PROPOSE
        at = f" at gateway {self.gateway + 1}" if self.gateway else ""
        is_numbered = of_wish or self.verb in _OF_THE_WIRE
        return (
            self.verb.value
            + (f" {'AB'[self.number] if of_wish else self.number + 1}" if is_numbered else "")
            + at
        )


_OF_THE_WIRE = {Verb.SEND_AGAIN, Verb.ARRIVE, Verb.VANISH, Verb.ANSWER, Verb.SILENCE, Verb.FILL, Verb.TELL}


class Ours(Enum):
    """What the book says of an order."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    WORKING = "working"
    FILLED = "filled"
    ENDED = "ended"


class Place(Enum):
    """Where a sent order is."""

    FLYING = "flying"
    GONE = "gone"
    WORKING = "working"
    FILLED = "filled"


class Order(Struct, frozen=True, gc=False):
    """An order in a book."""

    wish: int
    name: Name
    state: Ours


class Sent(Struct, frozen=True, gc=False):
    """An order on the wire."""

    wish: int
    name: Name
    epoch: int
    """Of the gateway that sent it."""
    place: Place = Place.FLYING
    heard: bool = False
    """Whether the gateway has its answer, or waits no more."""
    told: int = 0
    """How often its fill was told."""


class Gateway(Struct, frozen=True, gc=False):
    """A gateway that runs."""

    epoch: int
    book: tuple[Order, ...]
    held: int
    """What the book says is held."""
    decided: Order | None = None
    """What was decided and is not sent yet: one thing at a time."""
    is_written: bool = False
    is_compared: bool = False
    """Whether the books agreed when they were compared last."""
    is_stopped: bool = False
    """Whether it has seen that it was killed."""


class World(Struct, frozen=True, gc=False):
    """All that there is."""

    gateways: tuple[Gateway | None, ...] = (None, None)
    disk: tuple[Order, ...] = ()
    held: int = 0
    """What the disk says is held."""
    wire: tuple[Sent, ...] = ()
    by_hand: int = 0
    """What somebody else did at the broker."""
    epoch: int = 0
    """Of the last start."""
    fence: int = 0
    """Gateways up to this epoch are killed."""
    killed: bool = False
    broken: frozenset[Promise] = frozenset()
    """What was broken by what has left."""
