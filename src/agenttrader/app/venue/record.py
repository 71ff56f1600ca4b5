"""The venue's state and the log that it is: the exchange, what accounts have filed, and what is past.

The exchange is a state machine and its inputs are the truth, so what is applied is written to the log before
anybody is told of it, and reading the log again is the whole of recovery. A log that cannot be written leaves
the state ahead of its disk: nothing more is answered, and the process must end and start anew.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import NoReturn, Protocol, TypeVar

import msgspec

from agenttrader.app.venue.filings import Files, Filing
from agenttrader.app.venue.valuations import Valuations
from agenttrader.model.errors import BadValue, ConfigurationError, StoreError
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.inputs import CorporateActionSeen, Input, Outcome, Settings


class Log(Protocol):
    """A file of entries, each whole or not there."""

    def read(self) -> Iterator[bytes]:
        """Every entry, in order. Raises StoreError."""
        ...

    def append(self, entry: bytes) -> None:
        """Add an entry that outlives this process, however it ends. Raises StoreError."""
        ...


Entry = Input | Filing
_Came = TypeVar("_Came")
_encoder = msgspec.json.Encoder()
_entry_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class Record:
    """One venue's state over its log.

    Making one raises ConfigurationError where the log is of a venue with other settings, and StoreError where
    it cannot be read.
    """

    def __init__(self, settings: Settings, log: Log) -> None:
        self.exchange = Exchange(settings)
        self.files = Files(settings.accounts)
        self.valuations = Valuations(self.exchange)
        self.corporate_actions: list[CorporateActionSeen] = []
        """Those that were applied, oldest first."""
        self._log = log
        self._failure: StoreError | None = None
        self._has_failed = asyncio.Event()
        self._replay(settings)

    def apply(self, input_: Input) -> Outcome:
        """Give the exchange an input, and write it down; what changes nothing is not written.

        Raises BadValue, with nothing changed, for what the exchange cannot hold, and StoreError after which
        this venue must not go on.
        """

        def act() -> tuple[Outcome, bool]:
            outcome = self.exchange.handle(input_)
            return outcome, outcome.applied

        outcome = self._written(input_, act)
        if outcome.applied:
            self._remember(input_)
        return outcome

    def file(self, filing: Filing) -> None:
        """Let what an account has filed stand, and write it down. Raises StoreError as `apply` does."""

        def act() -> tuple[None, bool]:
            self.files.file(filing)
            return None, True

        self._written(filing, act)

    async def until_failed(self) -> NoReturn:
        """Wait, for ever while all is well. Raises the StoreError after which this venue must not go on."""
        await self._has_failed.wait()
        assert self._failure is not None
        raise self._failure

    def _written(self, entry: Entry, act: Callable[[], tuple[_Came, bool]]) -> _Came:
        """Act, and write the entry down if anything changed."""
        if self._failure is not None:
            raise self._failure
        # What breaks off in between leaves a state that no log has: then this is what everybody is told.
        self._failure = StoreError(
            "venue: an input broke off half applied; the venue must start anew from its log"
        )
        try:
            came, has_changed = act()
            if has_changed:
                self._log.append(_encoder.encode(entry))
            self._failure = None
        except BadValue:
            self._failure = None
            raise
        except StoreError as error:
            self._failure = error
            raise
        finally:
            if self._failure is not None:
                self._has_failed.set()
        return came

    def _replay(self, settings: Settings) -> None:
        """Become the venue that the log is of; a new log begins with the settings."""
        own = _encoder.encode(settings)
        entries = self._log.read()
        first = next(entries, None)
        if first is None:
            self._log.append(own)
        elif first != own:
            raise ConfigurationError(
                "venue: expected a log that began with these accounts, instruments, fees and sessions, found "
                f"another venue's, which began with {first[:200].decode(errors='replace')}…; "
                "name another `log` in [venue], or move the file away"
            )
        for number, entry in enumerate(entries, start=2):
            try:
                applied = self._apply_again(_entry_decoder.decode(entry))
            except (msgspec.MsgspecError, KeyError, ValueError) as error:
                raise _altered(number, entry, str(error)) from error
            if not applied:
                raise _altered(number, entry, "it changes nothing")

    def _apply_again(self, entry: Entry) -> bool:
        if isinstance(entry, Filing):
            self.files.file(entry)
            return True
        applied = self.exchange.handle(entry).applied
        self._remember(entry)
        return applied

    def _remember(self, input_: Input) -> None:
        """What is past, as it is asked for later."""
        if isinstance(input_, CorporateActionSeen):
            self.corporate_actions.append(input_)
            self.valuations.restate(input_)
        self.valuations.observe(self.exchange)


def _altered(number: int, entry: bytes, finding: str) -> StoreError:
    return StoreError(
        f"venue's log, entry {number}: expected an input that was applied, found {entry[:200]!r}: {finding}; "
        "the file was altered: move it away"
    )
