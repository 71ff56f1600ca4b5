"""The errors that the product raises on purpose.

    AgentTraderError                 every one of ours; says what was expected, what was found, what to do
    ├── BadValue                     a number, time or name that cannot be what it should be; a ValueError
    ├── ConfigurationError           the configuration is refused; nothing was started            exit 2
    ├── StoreError                   the journal's store cannot be used or cannot be written      exit 1
    │   ├── StoreLocked              another process holds it
    │   └── TamperingFound           the journal's chain does not hold; names the record
    ├── NotReady                     the gateway started; the market's time is not known to it yet
    ├── InboxFull                    more waits than may; nothing of this was taken
    ├── AskedTooOften                an agent is denied, or cancels, so often that it must wait for a while
    ├── StatementRefused             a person's statement that does not hold: signature, role, time, nonce
    └── Unreachable                  a peer gave no usable answer                                  exit 5
        └── Unsent                   … and nothing of the request can have arrived there

What the world may do to an order (denied, rejected, unknown) is data, never an exception.
"""


class AgentTraderError(Exception):
    """The base of every error that we raise on purpose."""


class BadValue(AgentTraderError, ValueError):
    """A value that cannot be what it should be; at the edges it becomes a 422 with this text."""


class ConfigurationError(AgentTraderError):
    """The configuration is refused. The process has started nothing and exits with 2."""


class StoreError(AgentTraderError):
    """The journal's store cannot be opened, read or written. Nothing that adds risk may leave."""


class StoreLocked(StoreError):
    """Another live process is the writer of this store."""


class TamperingFound(StoreError):
    """The journal does not verify. `sequence` is the first record that is not as it was written."""

    def __init__(self, sequence: int, finding: str) -> None:
        super().__init__(f"record {sequence}: {finding}")
        self.sequence = sequence
        self.finding = finding


class NotReady(AgentTraderError):
    """The gateway has started but has not heard the market's time yet."""


class InboxFull(AgentTraderError):
    """More is waiting than the configured capacity; nothing of this was taken.

    A client is told to come back; a feed or broker link starts anew.
    """


class AskedTooOften(AgentTraderError):
    """An agent was denied, or has canceled, so often lately that nothing of this was taken."""


class StatementRefused(AgentTraderError):
    """A person's signed statement does not hold; nothing was loosened."""


class Unreachable(AgentTraderError):
    """A peer gave no usable answer. What was asked of it may or may not have happened."""


class Unsent(Unreachable):
    """The peer cannot have received the request: the connection was never made."""
