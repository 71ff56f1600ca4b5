"""Alpaca's trading protocol over REST, as pure translation: orders, positions, account, clock, activities.

Two rules of reading. What a *client asks* is read strictly: unknown fields, unknown words and bad numbers
raise BadValue naming the field; null counts as not given. What a *broker answers* is read tolerantly:
unknown fields are passed over and unknown words stay text, so that who compares them with the sets below can
call them a break; a number that is not finite is refused even there.

Numbers come as text or as JSON numbers, read as Decimals from their own digits; they leave as text. Times are
RFC 3339 text. Identifiers are UUIDs. The stream is next door, in `alpaca_trade_updates`.
Source: docs.alpaca.markets (Trading API reference) and alpaca-py 0.44, which is this module's oracle.
"""

from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.values import DIGITS_BEFORE_POINT_MAX, exact
from agenttrader.protocols.doubled_keys import refuse_doubled_keys
from agenttrader.protocols.plain_numbers import encode_plainly

SIDES = frozenset({"buy", "sell"})
ORDER_TYPES = frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"})
TIMES_IN_FORCE = frozenset({"day", "gtc", "opg", "cls", "ioc", "fok"})
ORDER_CLASSES = frozenset({"", "simple", "bracket", "oco", "oto", "mleg"})
POSITION_INTENTS = frozenset({"buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"})
OPEN_STATUSES = frozenset(
    (  # noqa: SIM905  as a list it would fill a screen
        "new partially_filled done_for_day pending_cancel pending_replace pending_review accepted "
        "pending_new accepted_for_bidding stopped suspended calculated held"
    ).split()
)
CLOSED_STATUSES = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
ACTIVITY_TYPES = frozenset(
    (  # noqa: SIM905  as a list it would fill a screen
        "FILL ACATC ACATS CFEE CIL CSD CSW DIV DIVCGL DIVCGS DIVNRA DIVROC DIVTXEX DIVWH EXTRD FEE FXTRD INT "
        "INTPNL JNLC JNLS MA MEM NC OCT OPASN OPCSH OPEXC OPEXP OPTRD PTC REORG SPIN SPLIT SWP VOF WH"
    ).split()
)

UNAUTHORIZED = 40110000
NOT_FOUND = 40410000
FORBIDDEN = 40310000
"""Too little buying power, or shares that are not there or are held for other orders; with status 403."""
DAY_TRADE = 40310100
"""The order could make a pattern day trader of the account; with status 403."""
SHORT_POSITION = 40310001
"""An option that the account is short of cannot be exercised; with status 403."""
UNPROCESSABLE = 42210000
"""A request that is well formed and cannot be done; with status 422."""
RATE_LIMITED = 42910000
"""Too many requests of one key in a minute; with status 429."""
INVALID = 40010001
"""A field or its value that cannot be; with status 422."""

CLIENT_ORDER_ID_LENGTH_MAX = 128
SYMBOL_LENGTH_MAX = 32
"""The longest that Alpaca has are options of 21 characters."""


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a client says: unknown fields are refused, what is not given is not sent."""


class TakeProfit(Request, frozen=True, kw_only=True):
    """The profit-taking leg of a bracket."""

    limit_price: Decimal


class StopLoss(Request, frozen=True, kw_only=True):
    """The protecting leg of a bracket; with `limit_price` it is a stop-limit order."""

    stop_price: Decimal
    limit_price: Decimal | None = None


class OptionLeg(Request, frozen=True, kw_only=True):
    """One leg of an order of class `mleg`."""

    symbol: str
    ratio_qty: Decimal
    side: str | None = None
    position_intent: str | None = None


class NewOrder(Request, frozen=True, kw_only=True):
    """What `POST /v2/orders` takes: every field of Alpaca's, so that a venue can refuse one by its name."""

    type: str
    time_in_force: str
    symbol: str | None = None
    qty: Decimal | None = None
    notional: Decimal | None = None
    side: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str | None = None
    order_class: str = ""
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None
    legs: tuple[OptionLeg, ...] | None = None
    position_intent: str | None = None
    advanced_instructions: dict[str, Any] | None = None


class OrderReplacement(Request, frozen=True, kw_only=True):
    """What `PATCH /v2/orders/{id}` takes; `trail` is a price or per cent, as the order has."""

    qty: Decimal | None = None
    notional: Decimal | None = None
    time_in_force: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    client_order_id: str | None = None
    advanced_instructions: dict[str, Any] | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What a broker says: unknown fields are passed over, numbers are finite."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) is Decimal and not value.is_finite():
                raise BadValue(f"{name}: expected a finite number, found {value}")


class Order(Answer, frozen=True, kw_only=True):
    """An order as the broker has it. Legs are orders of their own, nested in their entry.

    Of several options at once (`mleg`) the whole has no symbol, no side and no asset, and a leg has a ratio.
    """

    id: str
    client_order_id: str
    created_at: str
    updated_at: str
    submitted_at: str
    filled_at: str | None = None
    expired_at: str | None = None
    expires_at: str | None = None
    canceled_at: str | None = None
    failed_at: str | None = None
    replaced_at: str | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    asset_id: str | None = None
    symbol: str | None = None
    asset_class: str | None = None
    notional: Decimal | None = None
    qty: Decimal | None = None
    filled_qty: Decimal | None = None
    filled_avg_price: Decimal | None = None
    order_class: str = ""
    order_type: str | None = None
    type: str | None = None
    side: str | None = None
    position_intent: str | None = None
    ratio_qty: Decimal | None = None
    time_in_force: str
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    status: str
    extended_hours: bool = False
    legs: "tuple[Order, ...] | None" = None
    trail_percent: Decimal | None = None
    trail_price: Decimal | None = None
    hwm: Decimal | None = None


class Position(Answer, frozen=True, kw_only=True):
    """A holding; `qty`, `market_value` and `cost_basis` of a short are negative, as Alpaca writes them."""

    asset_id: str
    symbol: str
    exchange: str
    asset_class: str
    avg_entry_price: Decimal
    qty: Decimal
    side: str
    cost_basis: Decimal
    qty_available: Decimal | None = None
    market_value: Decimal | None = None
    unrealized_pl: Decimal | None = None
    unrealized_plpc: Decimal | None = None
    unrealized_intraday_pl: Decimal | None = None
    unrealized_intraday_plpc: Decimal | None = None
    current_price: Decimal | None = None
    lastday_price: Decimal | None = None
    change_today: Decimal | None = None
    asset_marginable: bool | None = None

    @property
    def signed_qty(self) -> Decimal:
        """The holding, negative when short, whether or not the broker wrote the sign."""
        return -abs(self.qty) if self.side == "short" else self.qty


class Account(Answer, frozen=True, kw_only=True):
    """The account's numbers; `cash` may be negative, `buying_power` counts what open orders reserve."""

    id: str
    account_number: str
    status: str
    crypto_status: str | None = None
    currency: str | None = None
    cash: Decimal | None = None
    equity: Decimal | None = None
    last_equity: Decimal | None = None
    portfolio_value: Decimal | None = None
    buying_power: Decimal | None = None
    regt_buying_power: Decimal | None = None
    daytrading_buying_power: Decimal | None = None
    options_buying_power: Decimal | None = None
    options_approved_level: int | None = None
    options_trading_level: int | None = None
    non_marginable_buying_power: Decimal | None = None
    long_market_value: Decimal | None = None
    short_market_value: Decimal | None = None
    position_market_value: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    last_maintenance_margin: Decimal | None = None
    accrued_fees: Decimal | None = None
    multiplier: Decimal | None = None
    daytrade_count: int | None = None
    pattern_day_trader: bool | None = None
    shorting_enabled: bool | None = None
    trading_blocked: bool | None = None
    transfers_blocked: bool | None = None
    account_blocked: bool | None = None
    trade_suspended_by_user: bool | None = None
    created_at: str | None = None


class Clock(Answer, frozen=True, kw_only=True):
    """The market's clock."""

    timestamp: str
    is_open: bool
    next_open: str
    next_close: str


class Activity(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """Something that moved cash or a position: FILL with an order and `transaction_time`, FEE with a `date`.

    `id` is `YYYYMMDDhhmmssSSS::UUID`; at our venue a FILL's UUID is its `execution_id` on the stream.
    """

    id: str
    activity_type: str
    activity_sub_type: str | None = None
    account_id: str | None = None
    transaction_time: str | None = None
    type: str | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    side: str | None = None
    symbol: str | None = None
    leaves_qty: Decimal | None = None
    cum_qty: Decimal | None = None
    order_id: str | None = None
    order_status: str | None = None
    date: str | None = None
    net_amount: Decimal | None = None
    per_share_amount: Decimal | None = None
    description: str | None = None
    status: str | None = None
    created_at: str | None = None


class CanceledOrder(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the 207 that answers `DELETE /v2/orders`: what became of the request to cancel `id`."""

    id: str
    status: int
    body: dict[str, Any] | None = None
    """Why it was not canceled, at our gateway."""


class ClosedPosition(Answer, frozen=True, kw_only=True):
    """One line of the 207 that answers `DELETE /v2/positions`: the closing order, or why there is none."""

    symbol: str
    status: int
    body: dict[str, Any]


class ApiError(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every answer of 4xx and 5xx; the quantities come with "insufficient qty available" only."""

    message: str
    code: int = 0
    symbol: str | None = None
    available: Decimal | None = None
    existing_qty: Decimal | None = None
    held_for_orders: Decimal | None = None
    related_orders: tuple[str, ...] | None = None


_NUMBERS = frozenset(
    ("qty", "notional", "limit_price", "stop_price", "trail_price", "trail_percent", "trail", "ratio_qty")
)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
"""What reading raises for bytes that are none: malformed, not UTF-8, nested or with exponents without end."""
_digits_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_Body = TypeVar("_Body")


def encode(body: Struct | list[Any] | tuple[Any, ...] | dict[str, Any]) -> bytes:
    """A request or an answer as JSON; Decimals leave as their own text, never with an exponent."""
    return encode_plainly(body)


def decode(body: bytes | str, kind: type[_Body]) -> _Body:
    """A broker's answer read as `kind`, such as `Order` or `tuple[Position, ...]`.

    Raises BadValue, with the answer's beginning, where it cannot be one.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise BadValue(f"broker's answer: expected {kind}, found {body[:200]!r}: {error}") from error


def decode_new_order(body: bytes) -> NewOrder:
    """The order that a client asks for. Raises BadValue naming what is unknown, missing or no word.

    Numbers may still carry a float's noise: fit them with `values.on_step` before use.
    """
    order = decode_request(body, NewOrder, "order")
    _expect_word(order.type, ORDER_TYPES, "type")
    _expect_word(order.time_in_force, TIMES_IN_FORCE, "time_in_force")
    _expect_word(order.order_class, ORDER_CLASSES, "order_class")
    if order.side is not None:
        _expect_word(order.side, SIDES, "side")
    if order.position_intent is not None:
        _expect_word(order.position_intent, POSITION_INTENTS, "position_intent")
    for symbol in (order.symbol, *(leg.symbol for leg in order.legs or ())):
        _expect_short(symbol, SYMBOL_LENGTH_MAX, "symbol")
    _expect_short(order.client_order_id, CLIENT_ORDER_ID_LENGTH_MAX, "client_order_id")
    return order


def decode_replacement(body: bytes) -> OrderReplacement:
    """What a client wants changed of an order. Raises BadValue as `decode_new_order` does."""
    replacement = decode_request(body, OrderReplacement, "replacement")
    if replacement.time_in_force is not None:
        _expect_word(replacement.time_in_force, TIMES_IN_FORCE, "time_in_force")
    _expect_short(replacement.client_order_id, CLIENT_ORDER_ID_LENGTH_MAX, "client_order_id")
    return replacement


def decode_request(body: bytes, kind: type[_Body], what: str) -> _Body:
    """A client's request read as `kind`, strictly. Raises BadValue, naming `what`, where it is none."""
    try:
        found = msgspec.convert(_with_numbers(_digits_decoder.decode(body)), kind)
        refuse_doubled_keys(body, what)
    except UNREADABLE as error:
        raise BadValue(f"{what}: {error}") from error
    return found


def _expect_short(text: str | None, length_max: int, name: str) -> None:
    if text is not None and len(text) > length_max:
        raise BadValue(f"{name}: expected at most {length_max} characters, found {len(text)}")


def _with_numbers(value: object) -> object:
    """A copy in which each field that is a number by its name is a Decimal, of the client's own digits."""
    if isinstance(value, dict):
        return {
            key: _number(item, key) if key in _NUMBERS else _with_numbers(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    return value


def _number(value: object, name: str) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < DIGITS_BEFORE_POINT_MAX:
        return value
    return exact(value, name)


def _expect_word(word: str, words: frozenset[str], name: str) -> None:
    if word not in words:
        raise BadValue(f"{name}: expected one of {', '.join(sorted(words - {''}))}, found {word!r}")
