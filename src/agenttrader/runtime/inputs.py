"""Everything that can happen to the engine: one closed union. What is not here cannot change the state."""

from msgspec import Struct

from agenttrader.model.authority import Scope, SignedStatement
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.identifiers import AgentName, OrderId
from agenttrader.model.market import Bar, StatusChange
from agenttrader.model.orders import Changes, Proposal
from agenttrader.model.reports import BrokerStatement, ExecutionReport
from agenttrader.model.times import Instant


class _Input(Struct, frozen=True, gc=False):
    pass


class Proposed(_Input, frozen=True, tag=True):
    """An agent would like an order."""

    proposal: Proposal


class GroupProposed(_Input, frozen=True, tag=True):
    """An agent would like several orders, all of them or none."""

    proposals: tuple[Proposal, ...]


class CancelAsked(_Input, frozen=True, tag=True):
    """An agent, or a person, would like an order to end."""

    order_id: OrderId
    by: str
    reason: str
    agent: AgentName | None = None
    """Whose order it must be; None for an operator."""


class ReplaceAsked(_Input, frozen=True, tag=True):
    """An agent would like another order in the place of one of its own that works.

    `replacement` is the id of the proposal that this is decided as; asked again, it is the same one.
    """

    order_id: OrderId
    replacement: OrderId
    changes: Changes
    agent: AgentName
    reason: str
    client_order_id: str | None = None
    """What the client calls the replacement."""
    correlation_id: str | None = None
    """None: that of the order that is replaced."""


class Reported(_Input, frozen=True, tag=True):
    """The broker said something, or fell silent."""

    report: ExecutionReport


class HistoryTold(_Input, frozen=True, tag=True):
    """All that the broker tells of the past: each report of it follows by itself."""

    reports: tuple[ExecutionReport, ...]


class LastLookStopped(_Input, frozen=True, tag=True):
    """The dispatcher did not send an order that was on record."""

    order_id: OrderId
    reason: str


class MarketSeen(_Input, frozen=True, tag=True):
    """A bar or a status from the market data."""

    event: Bar | StatusChange


class TimeReached(_Input, frozen=True, tag=True):
    """All sources have told everything up to `time`."""

    time: Instant


class SwitchSeen(_Input, frozen=True, tag=True):
    """A wired halt switch was read."""

    reading: SwitchReading


class StatementGiven(_Input, frozen=True, tag=True):
    """A person's statement, its signature verified; whether it holds now is the engine's to judge."""

    signed: SignedStatement


class WindowCloseAsked(_Input, frozen=True, tag=True):
    """Somebody ends the window; anybody may."""

    by: str
    reason: str


class HaltAsked(_Input, frozen=True, tag=True):
    """Somebody halts a scope; anybody may."""

    scope: Scope
    state: TradingState
    by: str
    reason: str


class TightenAsked(_Input, frozen=True, tag=True):
    """A person makes a limit tighter; whether it is tighter is for the engine to judge."""

    name: str
    value: str
    by: str
    reason: str


class DoubtsTold(_Input, frozen=True, tag=True):
    """All that the exits unit cannot judge now, as breaks; what it does not name any more is over."""

    by: AgentName
    doubts: tuple[Break, ...]


class AccountStated(_Input, frozen=True, tag=True):
    """The broker's statement as it is read at the start, before anything is compared."""

    statement: BrokerStatement


class Compared(_Input, frozen=True, tag=True):
    """A comparison with the broker's statement was made, or `failure` says why it could not be."""

    run: str
    statement: BrokerStatement | None
    breaks: tuple[Break, ...]
    failure: str = ""
    left: tuple[Break, ...] = ()
    """What was found and is somebody else's, left to them by a person's word."""


class LinkSeen(_Input, frozen=True, tag=True):
    """A connection that trading needs came up or went down."""

    link: str
    up: bool
    reason: str


class Stopping(_Input, frozen=True, tag=True):
    """The process is about to stop in order."""

    reason: str


Input = (
    Proposed
    | GroupProposed
    | CancelAsked
    | ReplaceAsked
    | Reported
    | HistoryTold
    | LastLookStopped
    | MarketSeen
    | TimeReached
    | SwitchSeen
    | StatementGiven
    | WindowCloseAsked
    | HaltAsked
    | TightenAsked
    | DoubtsTold
    | AccountStated
    | Compared
    | LinkSeen
    | Stopping
)

RESERVE_FOR_TIGHTENING = 256
"""Beyond an inbox's capacity, for a person's halts, closings and cancels: no agent's flood keeps them out."""
RESERVE_FOR_LINKS = 64
"""How much of that reserve may tell of links: nobody may believe in one that is down."""


def reserve_for(received: Input | None) -> int:
    """How many more than its capacity an inbox takes where this is what comes."""
    match received:
        case HaltAsked() | TightenAsked() | WindowCloseAsked() | CancelAsked(agent=None):
            return RESERVE_FOR_TIGHTENING
        case LinkSeen():
            return RESERVE_FOR_LINKS
        case _:
            return 0
