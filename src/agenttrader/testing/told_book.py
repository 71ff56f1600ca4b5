"""Our kind of book of an account that no gateway keeps: by what the stream of updates tells of it.

Fills are read as the adapter reads them. A bust takes its execution out as if it had never been, a correction
gives it another price; fees stay as they were charged. So the book is the list of what happened, as it now
is. What no stream tells is worked out from what was announced: fees, splits, dividends. Only interest is
taken as the venue says it.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import assert_never

from msgspec import Struct, structs

from agenttrader.adapters.alpaca.reports import reports_of_update
from agenttrader.model.identifiers import ExecutionId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.reports import Execution, ReportKind
from agenttrader.model.times import Instant
from agenttrader.model.values import NANO, ZERO
from agenttrader.portfolio.holdings import CENT, FeeSchedule, Holding, share
from agenttrader.protocols.alpaca_trade_updates import TradeUpdate, decode_stream
from agenttrader.testing.agreement import OurBook

CORRECTED = "trade_correct"


class Charges(Struct, frozen=True, kw_only=True):
    """What an account pays: regulators' fees, at once or as a day's sum, and the venue's part of coins."""

    schedule: FeeSchedule
    are_late: bool
    maker_rate: Decimal
    taker_rate: Decimal


class Split(Struct, frozen=True, kw_only=True):
    """So many `new` shares for `old` ones; what is left of a `lot` is paid at `price`, the new one."""

    symbol: Symbol
    new: int
    old: int
    lot: Decimal
    price: Decimal


class Dividend(Struct, frozen=True, kw_only=True):
    """So much cash a share."""

    symbol: Symbol
    cash: Decimal


class ToldBook:
    """What is held of an account that began with `cash`. `findings` is what could not be read."""

    def __init__(self, cash: Decimal, charges: Charges) -> None:
        self.findings: list[str] = []
        self._cash, self._charges = cash, charges
        self._steps: list[Execution | Split | Dividend] = []
        self._day_began = 0
        self._known: set[ExecutionId] = set()
        self._kept: dict[ExecutionId, Decimal] = {}
        """Coins of a purchase that the venue keeps."""
        self._fees = ZERO
        self._owed: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
        """What is charged as a sum, not rounded yet, by day and name."""
        self._interest: dict[str, Decimal] = {}

    @property
    def executions(self) -> tuple[Execution, ...]:
        """Those of the day that stand, oldest first."""
        return tuple(step for step in self._steps[self._day_began :] if isinstance(step, Execution))

    def held(self) -> dict[Symbol, Decimal]:
        """The signed quantity of each symbol that is held."""
        holdings = self.book().holdings
        return {symbol: holding.quantity for symbol, holding in holdings.items() if holding.quantity}

    def hear(self, message: bytes, now: Instant) -> None:
        """Take one message of the stream."""
        told = decode_stream(message)
        if not isinstance(told, TradeUpdate):
            return
        if told.event == CORRECTED:
            self._correct(told)
            return
        for report in reports_of_update(told, message.decode(), now):
            execution = report.execution
            if report.kind is ReportKind.UNRECOGNISED:
                self.findings.append(f"not understood: {report.reason}: {message.decode()}")
            elif report.kind is ReportKind.BUSTED and execution is not None:
                del self._steps[self._place(execution.id)]
            elif report.kind is ReportKind.FILLED and execution is not None:
                self._take(execution, told)

    def hear_interest(self, activities: bytes) -> None:
        """Take a page of activities of the kind INT, perhaps not for the first time."""
        for told in json.loads(activities):
            self._interest[told["id"]] = Decimal(told["net_amount"])

    def announce(self, *news: Split | Dividend) -> None:
        """Begin another day, before which these counted."""
        self._steps += news
        self._day_began = len(self._steps)

    def book(self) -> OurBook:
        """Cash, fees and holdings, counted anew."""
        owed = (due for dues in self._owed.values() for due in dues.values())
        fees = self._fees + sum((due.quantize(CENT, ROUND_CEILING) for due in owed), ZERO)
        cash = self._cash - fees + sum(self._interest.values(), ZERO)
        holdings: defaultdict[Symbol, Holding] = defaultdict(lambda: Holding(Decimal(1)))
        for step in self._steps:
            match step:
                case Execution():
                    cash -= _signed(step) * step.price
                    holdings[step.symbol].trade(_signed(step), step.price, ZERO)
                    if step.id in self._kept:
                        holdings[step.symbol].trade(-self._kept[step.id], ZERO, ZERO)
                case Split():
                    cash += _split(holdings[step.symbol], step)
                case Dividend():
                    cash += (holdings[step.symbol].quantity * step.cash).quantize(CENT)
                case _:
                    assert_never(step)
        return OurBook(cash=cash, fees=fees, holdings=holdings)

    def _take(self, execution: Execution, told: TradeUpdate) -> None:
        if execution.id in self._known:
            return
        self._known.add(execution.id)
        self._steps.append(execution)
        charges, value = self._charges, execution.quantity * execution.price
        sells = execution.side is Side.SELL
        if "/" in execution.symbol:
            is_maker = told.order.type == "limit" and told.order.limit_price == execution.price
            rate = charges.maker_rate if is_maker else charges.taker_rate
            if sells:
                self._fees += (value * rate).quantize(NANO, ROUND_CEILING)
            else:
                self._kept[execution.id] = (execution.quantity * rate).quantize(NANO, ROUND_CEILING)
        elif charges.are_late:
            owed = self._owed[(told.timestamp or "")[: len("2026-11-20")]]
            for name, due in _dues(charges.schedule, execution).items():
                owed[name] = owed.get(name, ZERO) + due
        else:
            self._fees += charges.schedule.on(sells=sells, quantity=execution.quantity, price=execution.price)

    def _correct(self, told: TradeUpdate) -> None:
        before = ExecutionId(told.previous_execution_id or "")
        place = self._place(before)
        name, price, execution = ExecutionId(told.execution_id or ""), told.price, self._steps[place]
        assert price is not None, f"expected the corrected price, found none: {told}"
        self._known.add(name)
        self._steps[place] = structs.replace(execution, id=name, price=price)
        if before in self._kept:
            self._kept[name] = self._kept[before]

    def _place(self, execution_id: ExecutionId) -> int:
        return [isinstance(step, Execution) and step.id == execution_id for step in self._steps].index(True)


def _signed(execution: Execution) -> Decimal:
    return execution.quantity * execution.side.sign


def _dues(schedule: FeeSchedule, execution: Execution) -> Mapping[str, Decimal]:
    """What one execution adds to the day's fees."""
    if execution.side is not Side.SELL:
        return {}
    return {
        "sec": execution.quantity * execution.price * schedule.sec_rate,
        "taf": min(execution.quantity * schedule.taf_rate, schedule.taf_cap),
    }


def _split(holding: Holding, split: Split) -> Decimal:
    """Make it another number of whole lots, towards 0; the cash for what is left over, which it realises."""
    lots = int(holding.quantity / split.lot)
    if lots == 0:
        return ZERO
    after = abs(lots) * split.new // split.old * (1 if lots > 0 else -1)
    left = lots * split.new - after * split.old
    paid = (left * split.lot * split.price / split.old).quantize(CENT)
    parts = Decimal(after * split.old), Decimal(lots * split.new)
    kept = share(holding.cost, *parts) if left else holding.cost
    holding.realised += paid - (holding.cost - kept)
    holding.quantity, holding.cost = after * split.lot, kept
    return paid
