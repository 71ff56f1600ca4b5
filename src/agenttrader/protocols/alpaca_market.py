"""What Alpaca lists and when it trades, as pure translation: assets, trading days, corporate actions.

Answers only; the questions are parameters of a GET. Source: docs.alpaca.markets (Assets, Calendar, Corporate
Actions Announcements) and alpaca-py 0.44, which is this module's oracle.
"""

from decimal import Decimal

from msgspec import field

from agenttrader.protocols.alpaca_trading import Answer

ASSET_CLASSES = frozenset({"us_equity", "us_option", "crypto"})
ASSET_STATUSES = frozenset({"active", "inactive"})
CORPORATE_ACTION_TYPES = frozenset({"dividend", "merger", "spinoff", "split"})
CORPORATE_ACTION_DATES = frozenset({"declaration_date", "ex_date", "record_date", "payable_date"})
"""By which of its dates a corporate action may be looked for."""
ANNOUNCEMENT_DAYS_MAX = 90
"""The longest range that announcements are searched in, as Alpaca documents."""


class Asset(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is traded. The steps of size and price are told of crypto pairs only, as Alpaca does."""

    id: str
    asset_class: str = field(name="class")
    exchange: str
    symbol: str
    name: str
    status: str
    tradable: bool
    marginable: bool
    shortable: bool
    easy_to_borrow: bool
    fractionable: bool
    attributes: tuple[str, ...]
    min_order_size: Decimal | None = None
    min_trade_increment: Decimal | None = None
    price_increment: Decimal | None = None


class CalendarDay(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """A trading day in New York's time: `open` and `close` as HH:MM, the extended session as HHMM."""

    date: str
    open: str
    close: str
    session_open: str
    session_close: str
    settlement_date: str | None = None
    """When a trade of this day settles; not told where the next trading day is not known."""


class Announcement(Answer, frozen=True, kw_only=True):
    """A corporate action: `new_rate` shares for `old_rate`, or `cash` for each share."""

    id: str
    corporate_action_id: str
    ca_type: str
    ca_sub_type: str
    initiating_symbol: str
    initiating_original_cusip: str
    target_symbol: str | None
    target_original_cusip: str | None
    declaration_date: str | None
    ex_date: str
    record_date: str | None
    payable_date: str | None
    cash: Decimal
    old_rate: Decimal
    new_rate: Decimal
