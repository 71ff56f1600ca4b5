"""What the checks see of the world at one moment: plain facts from the engine, with no way back to it.

Nothing here may need a walk over positions or orders: the engine keeps totals. Every open and UNKNOWN order
and every approval counts at its worst, as if it had filled. None means that a fact is not known, and denies.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.gateway.limits import Grant, GroupName
from agenttrader.model.authority import Mode, Statement
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import Digest, PersonName, Symbol
from agenttrader.model.instruments import Single
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.permits import Permits
from agenttrader.model.sessions import Session
from agenttrader.model.times import Instant


class GroupView(Struct, frozen=True, gc=False):
    """A group of symbols that one leg is in. Amounts are in the account's currency."""

    name: GroupName
    gross_exposure: Decimal
    """Σ |position| at the marks over its symbols, with working entries in any of them, but for this one."""
    net_exposure: Decimal
    """Σ position at the marks, signed as the leg, with working entries that go its way, but for this one."""
    entries_today: int | None
    """As the account's, of entries with a leg in it; None before a day has opened."""
    new_risk_today: Decimal | None


class LegView(Struct, frozen=True, kw_only=True, gc=False):
    """One leg of the proposal, in the proposal's order, with what is known of its symbol."""

    symbol: Symbol
    quantity: Decimal
    """What the whole proposal would add to the position, signed: `Proposal.signed_quantity`."""
    instrument: Single | None
    """None where it is not configured, and for a spread, which is proposed by its legs."""
    status: TradingStatus | None
    mark: Mark | None
    position: Decimal | None
    """Signed."""
    open_buy: Decimal | None
    """Units that working orders may still buy; of a pair of which one cancels the other, the larger."""
    open_sell: Decimal | None
    opposed: bool
    """Whether an entry the other way works in the symbol, or protection that came with one."""
    facing: tuple[Decimal, ...]
    """The best price at which an order of our own rests the other way; empty where none does."""
    reducible: Decimal | None
    """Units, unsigned, that an order of the proposal's effect may take off.

    min(|ours|, |broker's|) less what works to reduce already; a close cancels the protection first, so for it
    the protection is not counted. None where the broker has not been heard since the start, and of an
    entry, of which nobody asks it.
    """
    ranged: tuple[Decimal, Decimal] | None = None
    """The lowest and the highest mark of the time for which its limits count them. Asked of entries alone."""
    groups: tuple[GroupView, ...] = ()
    """The groups that an entry's leg is in; of what reduces nobody asks."""
    expiry_exposure: Decimal | None = None
    """As a group's `gross_exposure`, of all options that end with this one; None for what is no option."""
    planned: bool = False
    """Whether the position has an exit plan with a stop: by it an exits unit protects what a close leaves.

    Asked of closes alone.
    """


class ReplacedView(Struct, frozen=True, kw_only=True, gc=False):
    """The order that the proposal is to replace. Which of them will work is not known: the larger counts.

    What it has filled is in the position, and what it may still do in the sums of what works.
    """

    quantity: Decimal
    filled: Decimal
    reserved: Decimal
    """What is reserved for the rest of it."""
    loss: Decimal
    """What the rest of an entry, or the position at a stop, would lose by it, gaps aside."""
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail: Decimal | None
    """How far a trailing stop follows: an amount or percent, as the order says."""


class Snapshot(Struct, frozen=True, gc=False):
    """The moment that a decision is made on. Amounts are in the account's currency."""

    now: Instant | None
    id_used: bool
    """Whether the proposal's id belongs to another order already."""
    grant: Grant | None
    """What the proposal's agent may act for; None where the agent is not known."""
    legs: tuple[LegView, ...]

    trading_state: TradingState
    """The severest of all that halts this order: latches of its scopes, wired switches, links, breaks."""
    halt_reasons: tuple[str, ...]
    switches: tuple[tuple[str, TradingState], ...]
    """Each wired switch as last read, for the record."""
    window: Statement | None
    window_suspended: str
    """Why the window is suspended; empty where it is not."""
    mode_ceiling: Mode
    """The environment's; the agent's own stands in its grant."""
    market: tuple[tuple[Symbol, Decimal | None, Decimal | None], ...]
    """What stands for the market: each symbol's mark, and where its day began. Asked of entries alone."""
    permits: Permits | None
    """What the broker lets the account do, by its last word; None before it was heard."""
    session: Session | None
    """The exchange's session whose hours cover `now`, early and late ones too; None where it is closed."""

    repeats: int | None
    """How often the agent had the same approved in the time that its limit names, this one not counted."""
    orders_last_minute_agent: int | None
    """Decisions about orders of this agent in the last minute, this one not counted."""
    orders_last_minute_account: int | None
    """Approvals of all agents' orders in the last minute: one agent's denials keep no other out."""
    messages_last_minute_agent: int | None
    """Orders, replacements and cancels that left on the agent's word in the last minute."""
    open_orders_agent: int | None
    """Orders that work or may work, this one and protective legs not counted."""
    open_orders_account: int | None
    entries_today_agent: int | None
    """Entries approved since the day opened, this one not counted; None before a day has opened."""
    entries_today_account: int | None
    new_risk_today_agent: Decimal | None
    """What they may cost together, each at the worst price that its decision knew."""
    new_risk_today_account: Decimal | None
    gross_exposure_agent: Decimal | None
    """Σ |position| at the marks over the agent's symbols, with its open orders, this one not counted."""
    gross_exposure_account: Decimal | None
    net_long_agent: Decimal | None
    """Σ position at the marks over the agent's symbols, with its open entries that buy, but for this one."""
    net_short_agent: Decimal | None
    """The same with the other sign, and with its open entries that sell."""
    net_long_account: Decimal | None
    net_short_account: Decimal | None
    long_exposure_agent: Decimal | None
    """Σ long positions at the marks over the agent's symbols, with its open entries that buy."""
    short_exposure_agent: Decimal | None
    """Σ short ones, unsigned, with its open entries that sell."""
    long_exposure_account: Decimal | None
    short_exposure_account: Decimal | None
    gross_exposure_strategy: Decimal | None
    """As the agent's, of the strategy's own part of each position; None where the proposal names none."""
    entries_today_strategy: int | None
    new_risk_today_strategy: Decimal | None
    buying_power_fold: Decimal | None
    """By our book, less what open orders reserve."""
    buying_power_broker: Decimal | None
    """By the broker's last word, less what has been approved since."""
    equity: Decimal | None
    day_start_equity: Decimal | None
    dead_machine_loss: Decimal | None
    """What would be lost, gaps aside, if all of ours stopped: by what is held and by every working entry."""

    limits_digest: Digest
    replaced: ReplacedView | None = None
    approved_by: tuple[PersonName, ...] = ()
    """Who has approved the order as it was shown; nobody where nobody was asked."""
    persons_needed: int = 0
    """How many different persons have to; 0 where nobody was asked."""
    exits_unit: bool = False
    """Whether somebody places protection after the fill, where none can rest with the entry."""
    prices: tuple[tuple[Symbol, Decimal | None], ...] = ()
    """What the sums were made at and no record says yet, for the record."""
    said: tuple[tuple[str, str], ...] = ()
    """Why each switch halts that does, for the record."""
