"""Who watches a world from outside of the gateways: what leaves is judged as it leaves.

It knows what is on the disk (`witness`), what the exchange holds (`exchange_book`), what persons permit
(`hand`) and what the market told; nothing here asks an engine. Each broken promise is a sentence in
`findings`, and how often each promise was looked at is counted in `looked`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from agenttrader.adapters.alpaca.connection import Answer
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import SECOND, Instant
from agenttrader.testing.builders import ACCOUNT
from agenttrader.testing.venue_calls import VenueCalls
from agenttrader.testing.worlds.exchange_book import ExchangeBook, book_of
from agenttrader.testing.worlds.hand import Hand
from agenttrader.testing.worlds.loop import Process
from agenttrader.testing.worlds.network import Request
from agenttrader.testing.worlds.stage import LIMITS
from agenttrader.testing.worlds.witness import Row, Witness

_ID = re.compile(r"at-([0-9]+)-([0-9a-f]{16})")
_SLACK = Decimal("1.06")
"""How much dearer what is held may be by now than when an entry was decided on."""


class Sent(Struct, frozen=True, kw_only=True):
    """An order as it left."""

    client_order_id: str
    order_id: str
    agent: str
    symbol: str
    sign: int
    quantity: Decimal
    opens: bool
    day: str
    replaces: str | None
    """The exchange's id of the order in whose place it is to come."""


class Watch:
    """The judge of everything that leaves. `now_seconds` is the world's time, `venue` the exchange's door."""

    def __init__(
        self,
        witness: Witness,
        hand: Hand,
        venue: Callable[[], VenueCalls],
        now_seconds: Callable[[], float],
        tell: Callable[[str], None],
    ) -> None:
        self.findings: list[str] = []
        self.looked: Counter[str] = Counter()
        self.witness, self.hand = witness, hand
        self.proposals: dict[str, dict[str, Any]] = {}
        """By order id, as they stand on record."""
        self.sent: dict[str, Sent] = {}
        """Every order that left, by client order id."""
        self.told: dict[str, list[tuple[Instant, Decimal]]] = {}
        """What the gateways were told of each symbol: bars' ends and closes."""
        self.told_time = Instant(0)
        self.prices: dict[str, Decimal] = {}
        """The market's own last prices."""
        self.day = ""
        self.lost_since: Instant | None = None
        """Since when the day has certainly lost more than it may, and whoever decides has been told so."""
        self.is_disturbed = False
        """Whether anybody traded past the gateway, or a trade was taken back: its limits are not all."""
        self._venue, self._now, self._tell = venue, now_seconds, tell
        self._under_way: dict[str, Sent] = {}
        self._left: set[str] = set()

    def find(self, sentence: str) -> None:
        """A promise is broken."""
        if sentence not in self.findings:
            self.findings.append(sentence)

    def take_failures(self, process: Process) -> None:
        """What tasks of a process ended with: it did not die by our hand, so nothing of it may just end."""
        self.looked["no task of a process just ends"] += 1
        for error in process.failures:
            self.find(f"{process.name}: a task ended with {type(error).__name__}: {error}")

    # What the network tells.

    def departs(self, request: Request) -> None:
        """See `network.Sees`."""
        if request.lane == "question":
            return
        self._tell(f"{request.sender} → {request.method} {request.path} {request.body.decode()}")
        if request.lane == "cancel":
            return
        body = json.loads(request.body, parse_float=Decimal)
        client_order_id = str(body.get("client_order_id"))
        self.read_news()
        row = self._record_of(client_order_id)
        if row is None:
            return
        sent = self._sent(client_order_id, row, body, request)
        self.looked["sent once"] += 1
        if client_order_id in self.sent or sent.order_id in self._left:
            self.find(f"order {sent.order_id} left twice, as {client_order_id}")
        self.sent[client_order_id] = sent
        self._left.add(sent.order_id)
        if sent.opens:
            self.looked["an entry brings its stop"] += 1
            if request.lane == "order" and not body.get("stop_loss"):
                self.find(f"entry {client_order_id} left without its stop")
            self._judge_authority(sent, request, row)
            self._judge_limits(sent)
        self._under_way[client_order_id] = sent

    def arrives(self, request: Request, answer: Answer, *, is_ours: bool) -> None:
        """See `network.Sees`."""
        if request.lane == "question":
            return
        self._tell(f"exchange ← {request.method} {request.path}: {answer.status} {answer.beginning[:110]}")
        if request.lane == "cancel":
            return
        self.looked["the right account"] += 1
        if not is_ours:
            self.find(f"an order reached another account: {request.method} {request.path}, {answer.status}")
        self.is_lost(request)

    def is_lost(self, request: Request) -> None:
        """It is at the exchange, or never will be."""
        if request.lane in ("order", "replace"):
            self._under_way.pop(str(json.loads(request.body).get("client_order_id")), None)

    # What is on the disk.

    def read_news(self) -> None:
        """Take in what was committed since, and hold its chain to be whole."""
        rows, fault = self.witness.news()
        self.looked["the chain holds"] += 1
        if fault:
            self.find(f"the journal: {fault}")
        for row in rows:
            self._tell(f"record {row.sequence} {row.body.decode()[:160]}")
            if row.kind.startswith("decided."):
                said = row.said
                self.proposals[said["proposal"]["id"]] = said["proposal"]
            elif row.kind.startswith("approval_asked."):
                said = row.said["shown"]
                self.proposals[said["proposal"]["id"]] = said["proposal"]

    def _record_of(self, client_order_id: str) -> Row | None:
        """The record by which the order of that name may leave, if it is on the disk."""
        self.looked["recorded before it is sent"] += 1
        match = _ID.fullmatch(client_order_id)
        row = None if match is None else self.witness.row(int(match[1]))
        if match is None or row is None or not row.hash.startswith(match[2]) or not row.holds:
            self.find(f"order {client_order_id} left, and no such record is on the disk")
            return None
        return row

    def _sent(self, client_order_id: str, row: Row, body: dict[str, Any], request: Request) -> Sent:
        said = row.said
        order_id = said["proposal"]["id"] if "proposal" in said else said["order_id"]
        proposal, instruction = self.proposals[order_id], said.get("instruction")
        if instruction is None or said.get("decision", {}).get("denied_by") is not None:
            self.find(f"order {client_order_id} left by record {row.sequence}, which approves nothing")
        elif differs := _differs(instruction, body, is_change=request.lane == "replace"):
            self.find(f"order {client_order_id} left other than recorded: {differs}")
        return Sent(
            client_order_id=client_order_id,
            order_id=order_id,
            agent=proposal["agent"],
            symbol=proposal["legs"][0][0],
            sign=1 if proposal["side"] == "buy" else -1,
            quantity=Decimal((instruction or proposal)["quantity"]),
            opens=proposal["effect"] == "open",
            day=self.day,
            replaces=request.path.rpartition("/")[2] if request.lane == "replace" else None,
        )

    # Whether it may leave.

    def _judge_authority(self, sent: Sent, request: Request, row: Row) -> None:
        name = f"entry {sent.client_order_id} ({sent.symbol})"
        self.looked["nothing new without a window, or halted"] += 1
        reason = self.hand.reason_against(
            request.sender, sent.agent, sent.symbol, self._now(), self.told_time
        )
        if reason is not None:
            self.find(f"{name} left though {reason}")
        self.looked["no stale price"] += 1
        limit = LIMITS.symbol[Symbol(sent.symbol)].quote_age_seconds_max
        ends = [end for end, _ in self.told.get(sent.symbol, ()) if end <= row.time]
        if not ends or row.time - max(ends) > limit * SECOND:
            self.find(f"{name} left on a price that was older than {limit} s")

        if self.lost_since is not None and row.time > self.lost_since:
            self.find(f"{name} left after the day had lost more than it may")

    def _judge_limits(self, sent: Sent) -> None:
        name = f"entry {sent.client_order_id} ({sent.symbol})"
        account = LIMITS.account
        self.looked["limits of number"] += 1
        today = sum(each.opens and each.day == sent.day for each in self.sent.values())
        if today > account.daily_orders_max:
            self.find(f"{name} is entry {today} of the day, at most {account.daily_orders_max} are permitted")
        book = book_of(self._venue(), ACCOUNT)
        limits = LIMITS.symbol[Symbol(sent.symbol)]
        if sent.quantity > limits.order_quantity_max:
            self.find(f"{name} is for {sent.quantity}, at most {limits.order_quantity_max} are permitted")
        if self.is_disturbed:
            return
        open_ids = {each.id for each in book.orders}
        there = {
            each.client_order_id
            for each in book.orders
            if self._opens(each.client_order_id) and each.replaces not in open_ids
        }
        is_new = sent.replaces is None
        count = len(there | {name for name, each in self._under_way.items() if each.opens}) + is_new
        if is_new and count > account.open_orders_max:
            self.find(f"{name} is one of {count} that are open, at most {account.open_orders_max} may be")
        self.looked["limits of exposure"] += 1
        worst = self._worst(book, sent.symbol, sent.sign, sent)
        if worst > limits.position_quantity_max:
            self.find(f"{name} may make a position of {worst}, at most {limits.position_quantity_max}")
        gross = sum((self._value_at_worst(book, symbol, sent) for symbol in self.prices), Decimal(0))
        if gross > account.gross_exposure_max * _SLACK:
            self.find(f"{name} may make {gross} of gross exposure, at most {account.gross_exposure_max}")

    def _value_at_worst(self, book: ExchangeBook, symbol: str, sent: Sent) -> Decimal:
        """By the lowest price that was true or told lately: a wrong one misleads everybody."""
        told = [price for _, price in self.told.get(symbol, ())[-3:]]
        price = min((self.prices[symbol], *told))
        return price * max(self._worst(book, symbol, sign, sent) for sign in (1, -1))

    def _worst(self, book: ExchangeBook, symbol: str, sign: int, sent: Sent) -> Decimal:
        """How far the position may go, everything filled that opens there, is on its way, or leaves now.

        Of an order and the one in its place there will be one, so the larger counts.
        """
        held = book.positions.get(symbol, Decimal(0)) * sign
        there = [each for each in book.orders if (each.symbol, each.sign) == (symbol, sign)]
        entries: dict[str, Decimal] = {}
        filled = {each.id: each.filled for each in there}
        for each in there:
            if self._opens(each.client_order_id):
                place = each.replaces if each.replaces in filled else each.id
                entries[place] = max(entries.get(place, Decimal(0)), each.remaining)
        for leaves in (*self._under_way.values(), sent):
            if (leaves.symbol, leaves.sign, leaves.opens) == (symbol, sign, True):
                place = leaves.replaces or leaves.client_order_id
                quantity = leaves.quantity - filled.get(place, Decimal(0))
                entries[place] = max(entries.get(place, Decimal(0)), quantity)
        return max(held + sum(entries.values(), Decimal(0)), Decimal(0))

    def _opens(self, client_order_id: str) -> bool:
        found = self.sent.get(client_order_id)
        return found is not None and found.opens


def _differs(instruction: dict[str, Any], body: dict[str, Any], *, is_change: bool) -> str:
    """What of an order on the wire is not what was recorded; a change names only what changes."""
    if is_change:
        changes = instruction.get("replacing", {}).get("changes", {})
        pairs = {name: (changes.get(name), body.get(_WIRE.get(name, name))) for name in _CHANGES}
    else:
        ((symbol, ratio),) = instruction["legs"]
        side = instruction["side"] if ratio > 0 else {"buy": "sell", "sell": "buy"}[instruction["side"]]
        stop, target = body.get("stop_loss") or {}, body.get("take_profit") or {}
        limit = target.get("limit_price") if instruction.get("pair") else body.get("limit_price")
        pairs = {
            "symbol": (symbol, body.get("symbol")),
            "side": (side, body.get("side")),
            "quantity": (instruction["quantity"], body.get("qty")),
            "type": (instruction["type"], body.get("type")),
            "limit price": (instruction.get("limit_price"), limit),
            "stop price": (instruction.get("stop_price"), body.get("stop_price")),
            "stop": (instruction.get("stop"), stop.get("stop_price")),
        }
    return ", ".join(
        f"{name} {told} for {ours}" for name, (ours, told) in pairs.items() if _plain(ours) != _plain(told)
    )


_CHANGES = ("quantity", "limit_price", "stop_price")
_WIRE = {"quantity": "qty"}


def _plain(value: Any) -> Any:
    """Numbers by their value, whatever zeros they are written with."""
    try:
        return None if value is None else Decimal(str(value)).normalize()
    except ArithmeticError:
        return value
