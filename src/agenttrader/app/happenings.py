"""What a played day tells whoever watches it, in the order in which it happens.

The day neither knows nor waits for its audience: a terminal, a log, or nobody.
"""

from pathlib import Path

from msgspec import Struct

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import MarketEvent
from agenttrader.model.sessions import Session
from agenttrader.protocols.native import StreamMessage


class Starting(Struct, frozen=True):
    """Processes are being started; nothing is shown of them until they answer."""

    roles: tuple[str, ...]
    prices: str
    """Which prices will be shown: generated or recorded."""


class DayBegun(Struct, frozen=True, kw_only=True):
    """What is about to be played, and where its files lie."""

    folder: Path
    session: Session
    symbols: tuple[Symbol, ...]
    source: str
    """What is played, in words."""
    speed: str
    inbox: str


class Said(Struct, frozen=True):
    """A sentence for a person, under one word of what it is about. `alarming`: it should not pass unread."""

    word: str
    sentence: str
    alarming: bool = False


class MarketMoved(Struct, frozen=True):
    """The market data said something."""

    event: MarketEvent


class GatewayTold(Struct, frozen=True):
    """The gateway's stream said something."""

    message: StreamMessage


class DayEnded(Struct, frozen=True):
    """Trading is over and the book is compared; what follows is told, and nothing moves any more."""

    fills: int
    """How many the journal holds: the stream may have ended before the last of them."""


Happening = Starting | DayBegun | Said | MarketMoved | GatewayTold | DayEnded
