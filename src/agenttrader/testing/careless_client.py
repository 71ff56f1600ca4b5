"""A client of the venue itself that sends whatever comes to mind, with our kind of book on what it is told.

No gateway stands before it: sizes that cannot be, limits far and near, ids used before, closes of what is not
held, cancels of what has ended, orders while halted, before the open and after the close. Half of the orders
are sane. A refusal must leave no trace.
"""

import json
from collections import Counter
from decimal import Decimal
from http import HTTPStatus
from random import Random
from typing import Any, TypeVar

from agenttrader.adapters.alpaca.connection import Answer
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import Instant
from agenttrader.simulation.inputs import BustAsked, CorrectionAsked, Mishap, RejectAsked
from agenttrader.testing.careless_world import COIN
from agenttrader.testing.told_book import Charges, ToldBook
from agenttrader.testing.venue_calls import VenueCalls

T = TypeVar("T")
_CENT, _BILLIONTH = Decimal("0.01"), Decimal("1e-9")
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES_IN_FORCE = ("day", "gtc", "ioc", "fok", "opg", "cls")
CLASSES = ("bracket", "oco", "oto")
_OURS = "careless-{}"


class CarelessClient:
    """One account without a gateway."""

    def __init__(
        self,
        venue: VenueCalls,
        account: str,
        cash: Decimal,
        charges: Charges,
        marks: dict[Symbol, Decimal],
        chance: Random,
    ) -> None:
        self.account = account
        self.book = ToldBook(cash, charges)
        self.findings: list[str] = []
        self.answers: Counter[str] = Counter()
        """How often each method met each status."""
        self._venue, self._chance, self._marks = venue, chance, marks
        self._listener = venue.listen(account)
        self._order_ids: list[str] = []
        self._number = 0

    def act(self) -> None:
        """One request."""
        acts = (self._order, self._cancel, self._replace, self._close, self._cancel_all, self._close_all)
        self._chance.choices(acts, (60, 20, 12, 8, 1, 1))[0]()

    def hear_stream(self, now: Instant) -> None:
        """Read what the venue has said since."""
        queue = self._listener.queue
        while not queue.empty():
            message = queue.get_nowait()
            assert message is not None, "the stream ended: it was not read for too long"
            self.book.hear(message, now)

    def read_interest(self) -> None:
        """Read what borrowing has cost so far: no stream tells of it."""
        answer = self._venue.request(self.account, "GET", "v2/account/activities", {"activity_types": "INT"})
        self.book.hear_interest(answer.body)

    def mishap(self) -> Mishap | None:
        """What an exchange might do to this account: to an execution or an order of its own."""
        executions = self.book.executions
        if self._order_ids and (not executions or self._one_in(3)):
            return RejectAsked(order_id=self._one_of(*self._order_ids[-6:]), message="by chance")
        if not executions:
            return None
        execution = self._one_of(*executions)
        if self._one_in(2):
            return BustAsked(execution_id=execution.id)
        price = (execution.price * self._permille(990, 1_010)).quantize(_CENT)
        return CorrectionAsked(execution_id=execution.id, price=price)

    def _order(self) -> None:
        fields = self._sane() if self._one_in(2) else self._special()
        if self._one_in(2):
            fields |= self._slip(fields)
        body = json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
        before = self._state()
        answer = self._ask("POST", "v2/orders", body=body)
        if answer.status == HTTPStatus.OK:
            self._order_ids.append(json.loads(answer.body)["id"])
        elif self._state() != before:
            self.findings.append(f"an order that was refused left a trace: {body.decode()}")

    def _sane(self) -> dict[str, Any]:
        symbol = self._one_of(*self._marks)
        if symbol == COIN:
            return self._coins()
        mark = self._marks[symbol]
        side = self._one_of("buy", "buy", "sell")
        kind = self._one_of("market", "market", "limit", "limit", "limit", "stop")
        near = str((mark * self._chance.randint(985, 1_015) / 1_000).quantize(_CENT))
        self._number += 1
        return {
            "symbol": symbol,
            "side": side,
            "type": kind,
            "time_in_force": self._one_of("day", "day", "gtc"),
            "qty": str(self._chance.randint(1, 150)),
            "limit_price": near if kind == "limit" else None,
            "stop_price": near if kind == "stop" else None,
            "client_order_id": self._one_of(None, _OURS.format(self._number)),
        } | (self._bracket(mark, side) if self._one_in(4) else {})

    def _coins(self) -> dict[str, Any]:
        """An order in coins, mostly for less than there is cash or coins for."""
        mark = self._marks[COIN]
        kind, side = (
            self._one_of("market", "limit", "limit", "stop_limit"),
            self._one_of("buy", "buy", "sell"),
        )
        near, nearer = (str((mark * self._permille(985, 1_015)).quantize(_CENT)) for _ in range(2))
        held = self.book.held().get(COIN, Decimal(0))
        amount = Decimal(self._chance.randint(1, 400_000)) / 100
        sane = held if side == "sell" and held and self._one_in(2) else (amount / mark).quantize(_BILLIONTH)
        by_amount = kind == "market" and self._one_in(3)
        self._number += 1
        return {
            "symbol": self._one_of(COIN, COIN, COIN.replace("/", "")),
            "side": side,
            "type": kind,
            "time_in_force": self._one_of("gtc", "gtc", "ioc"),
            "qty": None if by_amount else str(sane),
            "notional": str(amount) if by_amount else None,
            "limit_price": near if kind != "market" else None,
            "stop_price": nearer if kind == "stop_limit" else None,
            "client_order_id": self._one_of(None, _OURS.format(self._number)),
        }

    def _special(self) -> dict[str, Any]:
        """An order of a kind that is seldom sent."""
        fields = self._sane() | {"order_class": None, "take_profit": None, "stop_loss": None}
        mark = self._mark(fields)
        near, nearer = (str((mark * self._permille(990, 1_010)).quantize(_CENT)) for _ in range(2))
        limit = {"type": "limit", "limit_price": near, "stop_price": None}
        market = {"type": "market", "limit_price": None, "stop_price": None, "time_in_force": "day"}
        trailing = {"type": "trailing_stop", "limit_price": None, "stop_price": None}
        amount = str(Decimal(self._chance.randint(100, 999_999)) / 100)
        bracket = self._bracket(mark, fields["side"])
        oto = {name: bracket[name] for name in [self._one_of("take_profit", "stop_loss")]}
        leaving = self._bracket(mark, "buy" if fields["side"] == "sell" else "sell")
        kinds: tuple[dict[str, Any], ...] = (
            {"type": "stop_limit", "limit_price": near, "stop_price": nearer},
            trailing | self._one_of({"trail_price": "0.35"}, {"trail_percent": "0.8"}),
            limit | {"time_in_force": self._one_of("ioc", "fok", "opg", "cls")},
            market | {"time_in_force": self._one_of("ioc", "fok", "opg", "cls")},
            limit | {"extended_hours": True, "time_in_force": self._one_of("day", "gtc")},
            market | {"qty": None, "notional": amount},
            market | {"qty": str(Decimal(self._chance.randint(1, 30 * 10**9)).scaleb(-9))},
            limit | {"qty": "7.25", "time_in_force": "day"},
            market | {"order_class": "oto"} | oto,
            limit | leaving | {"order_class": "oco", "limit_price": None},
        )
        return fields | self._one_of(*kinds)

    def _bracket(self, mark: Decimal, side: str) -> dict[str, Any]:
        high, low = (
            str((mark * self._permille(*between)).quantize(_CENT)) for between in ((1_016, 1_030), (970, 984))
        )
        target, stop = (high, low) if side == "buy" else (low, high)
        return {
            "order_class": "bracket",
            "take_profit": {"limit_price": target},
            "stop_loss": {"stop_price": stop},
        }

    def _slip(self, fields: dict[str, Any]) -> dict[str, Any]:
        """What is different about an order that was not thought through."""
        mark = self._mark(fields)
        far = str((mark * self._permille(200, 3_000)).quantize(_CENT))
        near = str((mark * self._permille(985, 1_015)).quantize(_CENT))
        slips: tuple[dict[str, Any], ...] = (
            {
                "qty": self._one_of(
                    "0", "-5", "0.5", "1000000", "99999999999999", "0.0000000001", None, "many"
                )
            },
            {"qty": None, "notional": self._one_of("100", "0.001", "25000.50")},
            {"type": "limit", "limit_price": self._one_of(far, far, "0", "-1", "10.0001", None)},
            {"type": self._one_of(*TYPES), "stop_price": near, "limit_price": near},
            {"type": "trailing_stop", "limit_price": None, "stop_price": None}
            | self._one_of({"trail_price": "0.50"}, {"trail_percent": "1.5"}, {}),
            {"time_in_force": self._one_of(*TIMES_IN_FORCE)},
            {
                "time_in_force": self._one_of("ioc", "fok"),
                "type": "limit",
                "limit_price": near,
                "stop_price": None,
            },
            {"order_class": self._one_of(*CLASSES), "take_profit": {"limit_price": far}},
            {"order_class": self._one_of(*CLASSES), "stop_loss": {"stop_price": near}},
            {"client_order_id": self._one_of(_OURS.format(self._chance.randint(0, self._number)), "x" * 129)},
            {"symbol": "NOPE"},
            {"extended_hours": True},
            {"side": self._one_of("hold", None)},
            {"surprise": 1},
        )
        return self._one_of(*slips)

    def _cancel(self) -> None:
        recent = self._order_ids[-12:] if self._chance.randrange(4) else self._order_ids
        self._ask("DELETE", f"v2/orders/{self._one_of(*recent) if recent else 'nobody'}")

    def _replace(self) -> None:
        """Have something else in place of an order, whatever it is and however it stands."""
        if not self._order_ids:
            return
        mark = self._one_of(*self._marks.values())
        near = str((mark * self._permille(990, 1_010)).quantize(_CENT))
        changes: tuple[dict[str, Any], ...] = (
            {"qty": str(self._chance.randint(1, 200))},
            {"limit_price": near},
            {"stop_price": near},
            {"limit_price": near, "qty": "5"},
            {"trail": "0.40"},
            {"time_in_force": self._one_of("day", "gtc", "ioc")},
            {"client_order_id": _OURS.format(self._chance.randint(0, self._number + 20))},
            {"qty": "0"},
            {},
        )
        body = json.dumps(self._one_of(*changes)).encode()
        answer = self._ask("PATCH", f"v2/orders/{self._one_of(*self._order_ids[-12:])}", body=body)
        if answer.status == HTTPStatus.OK:
            self._order_ids.append(json.loads(answer.body)["id"])

    def _close(self) -> None:
        held = list(self.book.held())
        symbol = self._one_of(*held) if held and not self._one_in(4) else self._one_of("NOPE", *self._marks)
        part = self._one_of({}, {}, {"qty": "3"}, {"qty": "1000000"}, {"percentage": "40"})
        # In a path a pair of coins has no slash.
        self._ask("DELETE", f"v2/positions/{symbol.replace('/', '')}", part)

    def _cancel_all(self) -> None:
        self._ask("DELETE", "v2/orders")

    def _close_all(self) -> None:
        self._ask("DELETE", "v2/positions", self._one_of({}, {"cancel_orders": "true"}))

    def _ask(
        self, method: str, path: str, parameters: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        answer = self._venue.request(self.account, method, path, parameters or {}, body)
        self.answers[f"{method} {answer.status}"] += 1
        return answer

    def _state(self) -> tuple[bytes, bytes]:
        """What a refusal must not change."""
        account = self._venue.request(self.account, "GET", "v2/account")
        newest = self._venue.request(self.account, "GET", "v2/orders", {"status": "all", "limit": "1"})
        return account.body, newest.body

    def _mark(self, fields: dict[str, Any]) -> Decimal:
        """The last price of what an order is for; a pair of coins may be named without its slash."""
        return self._marks.get(fields["symbol"]) or self._marks[COIN]

    def _permille(self, least: int, most: int) -> Decimal:
        return Decimal(self._chance.randint(least, most)) / 1_000

    def _one_of(self, *several: T) -> T:
        return self._chance.choice(several)

    def _one_in(self, chances: int) -> bool:
        return self._chance.randrange(chances) == 0
