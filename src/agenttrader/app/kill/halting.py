"""What stops the gateway without asking anybody: acts on this machine's files, each begun in its own thread.

They are begun before anything else is loaded, and nobody waits for them for long: a disk may hang for ever.
What was done is noted afterwards, for a halt is not kept waiting for a note; the fence tells who raised it.
"""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from agenttrader.model.errors import AgentTraderError
from agenttrader.model.plain_text import plain

if TYPE_CHECKING:  # It knows orders, and is not needed before the fence stands.
    from agenttrader.ports.side_journal import SideLog


class Halt(Struct, frozen=True):
    """One act: what it is called, and how it is done. It gives a sentence on what it did."""

    name: str
    do: Callable[[], str]
    plainly: Callable[[], str] | None = None
    """How it is tried once more, without what a person typed, after an error that nobody foresaw."""


class Begun:
    """An act that is under way."""

    def __init__(self, halt: Halt, log: "Callable[[], SideLog]") -> None:
        self.name = halt.name
        self.is_done = False
        self.said = ""
        """What it did, or why it could not; empty while it is under way."""
        self._halt = halt
        self._log = log
        self._is_over = threading.Event()
        # Not awaited at the end of the process, which a pool's threads would be.
        threading.Thread(target=self._work, name=f"kill {halt.name}", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Whether it is over within so many seconds."""
        return self._is_over.wait(seconds)

    def _work(self) -> None:
        self._try(self._halt.do, self._halt.plainly)
        self._is_over.set()
        self._log().write(self.name, "", "answered", self.said)

    def _try(self, do: Callable[[], str], then: Callable[[], str] | None) -> None:
        try:
            said, self.is_done = do(), True
        except AgentTraderError as error:
            said = str(error)
        except Exception as error:  # told as not done, and the other acts go on
            if then is not None:
                self._try(then, None)
                return
            said = f"{type(error).__name__}: {error}"
        self.said = plain(said)


def begin(halts: Iterable[Halt], log: "Callable[[], SideLog]") -> tuple[Begun, ...]:
    """Begin them all, none waiting for another. What comes of each goes to the log."""
    return tuple(Begun(halt, log) for halt in halts)
