"""Execution reports: anything that a broker says about an order, its silence included.

They have one shape for every broker.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.activities import AccountActivity
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, ExecutionId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.permits import Permits
from agenttrader.model.times import Instant
from agenttrader.model.words import Word


class ReportKind(Word):
    """What the report says happened."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FILLED = "filled"
    """One execution, of a part or of the whole."""
    CANCELED = "canceled"
    CANCEL_REFUSED = "cancel_refused"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REPLACE_REFUSED = "replace_refused"
    """A replacement of it was refused: it goes on as it was."""
    SUSPENDED = "suspended"
    DONE_FOR_DAY = "done_for_day"
    BUSTED = "busted"
    RESTATED = "restated"
    NOT_FOUND = "not_found"
    """The broker, asked by client order id, does not know the order."""
    ANSWER_LOST = "answer_lost"
    """Not the broker's word but its silence: the request left, and no answer came."""
    NOT_SENT = "not_sent"
    """The request cannot have arrived: the connection was never made."""
    UNRECOGNISED = "unrecognised"
    """A word that we do not know; a break."""


class ReportedLeg(Struct, frozen=True, gc=False, kw_only=True):
    """A leg that the broker made for an order: one that protects, or one of an order of several."""

    broker_order_id: BrokerOrderId
    client_order_id: ClientOrderId
    limit_price: Decimal | None
    stop_price: Decimal | None
    symbol: Symbol | None = None
    """Of an order of several legs, in what this one trades."""


class Execution(Struct, frozen=True, gc=False, kw_only=True):
    """One fill: `quantity` at `price`, unsigned, in the broker's own execution id."""

    id: ExecutionId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    corrects: ExecutionId | None = None
    """The execution that it stands in the place of: it was made when that one was."""


class StatedOrder(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A plain order of one instrument as the broker states it, whoever sent it."""

    broker_order_id: BrokerOrderId
    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    type: str
    """The broker's word."""
    quantity: Decimal
    time: Instant
    """When the broker took it."""


class ExecutionReport(Struct, frozen=True, gc=False, kw_only=True):
    """One thing that the broker said.

    `client_order_id` is ours for an entry or exit; a leg that the broker made is known by `broker_order_id`
    alone.
    """

    kind: ReportKind
    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId | None
    time: Instant
    execution: Execution | None = None
    reason: str = ""
    legs: tuple[ReportedLeg, ...] = ()
    raw: str = ""
    """The broker's own body, kept where we could not read all of it."""
    stated: StatedOrder | None = None
    """With an accept that the broker's history tells: the order, where it is a plain one."""


class BrokerPosition(Struct, frozen=True, gc=False, kw_only=True):
    """A signed holding as the broker states it."""

    symbol: Symbol
    quantity: Decimal
    average_price: Decimal


class BrokerOrder(Struct, frozen=True, gc=False, kw_only=True):
    """An open order as the broker states it."""

    broker_order_id: BrokerOrderId
    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    status: str


class BrokerStatement(Struct, frozen=True, gc=False, kw_only=True):
    """All that the broker says of the account at one time: what reconciliation compares our book with."""

    account: str
    time: Instant
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    positions: tuple[BrokerPosition, ...]
    open_orders: tuple[BrokerOrder, ...]
    activities: tuple[AccountActivity, ...]
    """What else moved the account, since some days before: brokers post late. Oldest first."""
    executions: tuple[ExecutionId, ...]
    """Every execution id since then, from the broker's activities."""
    permits: Permits
