"""What the journal can hold: one closed union of versioned facts. State is these, folded in order.

A kind is never changed: a new shape gets a new version (`decided.2`) and the old one is lifted on reading.
Market data is not here; a decision embeds the prices that it used.
"""

from decimal import Decimal

from agenttrader.model.activities import AccountActivity
from agenttrader.model.approvals import ApprovalEvent
from agenttrader.model.authority import Scope, SignedStatement
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import Decision, TradingState
from agenttrader.model.facts import Fact
from agenttrader.model.identifiers import AccountName, BrokerOrderId, Digest, ExecutionId, OrderId, Symbol
from agenttrader.model.instructions import Instruction, PackageLeg, ProtectiveLeg
from agenttrader.model.orders import Proposal, Side
from agenttrader.model.outside import OutsideEvent
from agenttrader.model.permits import PermitsStated
from agenttrader.model.ruling import RulingEvent, RulingValue
from agenttrader.model.times import Instant


class SegmentOpened(Fact, frozen=True, tag="segment_opened.1", omit_defaults=True):
    """A process became the writer. `epoch` fences off every earlier one; `rules` is all that rules in it."""

    session: str
    account: AccountName
    epoch: int
    configuration: Digest
    code: str
    parameters: Digest
    calendar: Digest
    rules: tuple[RulingValue, ...] = ()


class SegmentSealed(Fact, frozen=True, tag="segment_sealed.1"):
    """The writer stopped in order; nothing of this segment follows."""

    reason: str


class AccountOpened(Fact, frozen=True, tag="account_opened.1"):
    """The broker's first statement of an account without positions: the balance that the book starts from."""

    cash: Decimal


class PastIncluded(Fact, frozen=True, tag="past_included.1"):
    """What the broker had posted before the account was opened: the balance that follows has it."""

    activities: tuple[AccountActivity, ...]


class FeesPosted(Fact, frozen=True, tag="fees_posted.1"):
    """Fees that the broker took: they replace our estimates for fills up to the time of the last."""

    activities: tuple[AccountActivity, ...]


class CashPosted(Fact, frozen=True, tag="cash_posted.1"):
    """Cash that came or went without a fill: a dividend, interest, a transfer."""

    activity: AccountActivity


class PositionAdjusted(Fact, frozen=True, tag="position_adjusted.1"):
    """A split, or coins that were kept: another quantity at the same cost, less what was paid in cash."""

    symbol: Symbol
    activities: tuple[AccountActivity, ...]


class DayOpened(Fact, frozen=True, tag="day_opened.1"):
    """The exchange's calendar turned the day: daily limits count from here, the day's loss from `equity`."""

    session: str
    """The trading day, YYYY-MM-DD."""
    open: Instant
    close: Instant
    equity: Decimal


class Decided(Fact, frozen=True, tag="decided.1"):
    """A proposal and what was decided about it. An approval is also the reservation."""

    proposal: Proposal
    decision: Decision
    instruction: Instruction | None = None
    """What is about to leave with this very record; found without an answer after a crash, it is UNKNOWN.

    None for what was denied, and for what waits before it leaves: its `Sending` follows.
    """

    @property
    def order_id(self) -> OrderId:
        """The order's id: the proposal's."""
        return self.proposal.id


class Sending(Fact, frozen=True, tag="sending.1"):
    """An order that had waited is about to leave. Found without an answer after a crash, it is UNKNOWN."""

    order_id: OrderId
    instruction: Instruction


class Withheld(Fact, frozen=True, tag="withheld.1"):
    """An approved order was stopped before the wire; the broker has not seen it."""

    order_id: OrderId
    reason: str


class AnswerLost(Fact, frozen=True, tag="answer_lost.1"):
    """The order left and no answer came: it counts as if it may fill until the broker says otherwise."""

    order_id: OrderId
    reason: str


class Accepted(Fact, frozen=True, tag="accepted.1", omit_defaults=True):
    """The broker has the order, and made these legs for it."""

    order_id: OrderId
    broker_order_id: BrokerOrderId
    time: Instant
    stop: ProtectiveLeg | None = None
    target: ProtectiveLeg | None = None
    package: tuple[PackageLeg, ...] = ()
    """The legs of an order of several."""


class Rejected(Fact, frozen=True, tag="rejected.1"):
    """The broker refused the order."""

    order_id: OrderId
    time: Instant
    reason: str


class Filled(Fact, frozen=True, tag="filled.1"):
    """One execution.

    `fee` is our estimate by the broker's published schedule until the broker's activities settle it.
    """

    order_id: OrderId
    execution_id: ExecutionId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    time: Instant


class CancelRequested(Fact, frozen=True, tag="cancel_requested.1"):
    """We are about to ask the broker to cancel."""

    order_id: OrderId
    broker_order_id: BrokerOrderId
    by: str
    reason: str


class CancelRefused(Fact, frozen=True, tag="cancel_refused.1"):
    """The broker did not cancel, usually because it was too late."""

    order_id: OrderId
    time: Instant
    reason: str


class Canceled(Fact, frozen=True, tag="canceled.1"):
    """The broker ended the order because somebody, or the other leg of a pair, asked for it."""

    order_id: OrderId
    time: Instant
    reason: str = ""


class Expired(Fact, frozen=True, tag="expired.1"):
    """The order ended by its time in force."""

    order_id: OrderId
    time: Instant


class ReplaceRequested(Fact, frozen=True, tag="replace_requested.1"):
    """We are about to ask the broker to replace the order by `replacement`."""

    order_id: OrderId
    replacement: OrderId
    by: str
    reason: str


class ReplaceRefused(Fact, frozen=True, tag="replace_refused.1"):
    """The broker kept the order as it was."""

    order_id: OrderId
    time: Instant
    reason: str


class Replaced(Fact, frozen=True, tag="replaced.1"):
    """The broker ended the order in favour of another."""

    order_id: OrderId
    time: Instant


class Suspended(Fact, frozen=True, tag="suspended.1"):
    """The order rests but cannot trade."""

    order_id: OrderId
    time: Instant


class DoneForDay(Fact, frozen=True, tag="done_for_day.1"):
    """The order will not trade again today."""

    order_id: OrderId
    time: Instant


class Busted(Fact, frozen=True, tag="busted.1"):
    """The exchange took a fill back."""

    order_id: OrderId
    execution_id: ExecutionId
    time: Instant


class Restated(Fact, frozen=True, tag="restated.1"):
    """The broker corrected what it had said of the order, with its own words."""

    order_id: OrderId
    time: Instant
    raw: str


class Halted(Fact, frozen=True, tag="halted.1"):
    """A latch: it survives restarts and only a person lifts it."""

    scope: Scope
    state: TradingState
    by: str
    reason: str


class Warned(Fact, frozen=True, tag="warned.1"):
    """A breaker has reached its first step: nothing is halted, and somebody should look."""

    scope: Scope
    by: str
    reason: str


class Resumed(Fact, frozen=True, tag="resumed.1"):
    """A person lifted the latches of a scope."""

    scope: Scope
    signed: SignedStatement


class WindowOpened(Fact, frozen=True, tag="window_opened.1"):
    """A person leased trading for a time, in a mode."""

    signed: SignedStatement


class WindowExtended(Fact, frozen=True, tag="window_extended.1"):
    """A person let the open window last longer."""

    signed: SignedStatement


class WindowSuspended(Fact, frozen=True, tag="window_suspended.1"):
    """The window stands but lets nothing in until a person resumes it."""

    reason: str


class WindowResumed(Fact, frozen=True, tag="window_resumed.1"):
    """A person let a suspended window go on."""

    signed: SignedStatement


class WindowClosed(Fact, frozen=True, tag="window_closed.1"):
    """The window ended: by its time, or because somebody closed it."""

    by: str
    reason: str


class EquitySampled(Fact, frozen=True, tag="equity_sampled.1"):
    """The account at the marks of this moment; the breakers' inputs, so that replay needs no market data."""

    equity: Decimal
    cash: Decimal
    gross_exposure: Decimal
    net_exposure: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    dead_machine_loss: Decimal


class BreakFound(Fact, frozen=True, tag="break_found.1"):
    """A difference from the broker, or what cannot be: it halts what it touches until it is settled."""

    found: Break


class BreakSettled(Fact, frozen=True, tag="break_settled.1", omit_defaults=True):
    """A break is over: its finder says that it holds no more, evidence explains it, a person accepts it."""

    found: Break
    by: str
    reason: str
    signed: SignedStatement | None = None  # a person's acceptance; what it corrected was recorded just before


class Reconciled(Fact, frozen=True, tag="reconciled.1"):
    """One comparison with the broker's statement; one that could not be made has `failure`: not clean."""

    run: str
    statement_time: Instant | None
    orders: int
    positions: int
    executions: int
    breaks: tuple[Break, ...]
    failure: str = ""
    left: tuple[Break, ...] = ()  # what is somebody else's, and left to them by a person's word


class LinkChanged(Fact, frozen=True, tag="link_changed.1"):
    """A connection that trading needs came up or went down."""

    link: str
    up: bool
    reason: str


Leaving = Decided | Sending
"""What carries an instruction that is about to leave: with the decision, or after waiting."""

Event = (
    SegmentOpened
    | SegmentSealed
    | AccountOpened
    | PastIncluded
    | FeesPosted
    | CashPosted
    | PositionAdjusted
    | PermitsStated
    | DayOpened
    | Decided
    | Sending
    | Withheld
    | AnswerLost
    | Accepted
    | Rejected
    | Filled
    | CancelRequested
    | CancelRefused
    | Canceled
    | Expired
    | ReplaceRequested
    | ReplaceRefused
    | Replaced
    | Suspended
    | DoneForDay
    | Busted
    | Restated
    | Halted
    | Warned
    | Resumed
    | WindowOpened
    | WindowExtended
    | WindowSuspended
    | WindowResumed
    | WindowClosed
    | OutsideEvent
    | EquitySampled
    | BreakFound
    | BreakSettled
    | Reconciled
    | LinkChanged
    | ApprovalEvent
    | RulingEvent
)
