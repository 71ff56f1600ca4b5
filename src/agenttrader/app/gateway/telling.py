"""What the gateway's surroundings tell its session: of links, and of switches that a last look heard."""

import asyncio
import contextlib

from agenttrader.model.decisions import SwitchReading
from agenttrader.model.errors import InboxFull
from agenttrader.runtime.inputs import LinkSeen, SwitchSeen
from agenttrader.runtime.session import Session


class Links:
    """Tells the session of each connection, and that the broker must be asked again when it is back."""

    def __init__(self, session: Session, resync: asyncio.Event) -> None:
        self._session = session
        self._resync = resync

    def broker(self, *, up: bool, reason: str) -> None:
        """The connection to the broker came up or went down."""
        self._session.tell(LinkSeen("broker", up, reason))
        if up:
            self._resync.set()

    def marketdata(self, *, up: bool, reason: str) -> None:
        """The same of the market data."""
        self._session.tell(LinkSeen("marketdata", up, reason))


class HaltsHeard:
    """What a last look heard of a switch: told to the session at once, or again as soon as it has room.

    The look is in the midst of sending: to raise there would end the process.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._owed: dict[str, SwitchReading] = {}

    def hear(self, reading: SwitchReading) -> None:
        """Take the reading, and tell it where there is room."""
        self._owed[reading.name] = reading
        self.tell()

    def tell(self) -> None:
        """Tell what is owed, as far as there is room."""
        with contextlib.suppress(InboxFull):
            for name in tuple(self._owed):
                self._session.tell(SwitchSeen(self._owed[name]))
                del self._owed[name]
