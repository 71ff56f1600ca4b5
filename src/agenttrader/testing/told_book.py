"""Our kind of book of an account that no gateway keeps: by what the stream of updates tells of it.

Fills are read as the adapter reads them. A bust takes its execution out as if it had never been, a correction
gives it another price; fees stay as they were charged. So the book is the list of executions as it now is.
"""

from decimal import Decimal

from msgspec import structs

from agenttrader.adapters.alpaca.reports import reports_of_update
from agenttrader.model.identifiers import ExecutionId, Symbol
from agenttrader.model.orders import Side
from agenttrader.model.reports import Execution, ReportKind
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.holdings import FeeSchedule, Holding
from agenttrader.protocols.alpaca_trade_updates import TradeUpdate, decode_stream
from agenttrader.testing.agreement import OurBook

CORRECTED = "trade_correct"
NOT_FOR_US = frozenset({"order_replace_rejected"})
"""What the adapter has no treatment for, because the gateway never asks for it."""


class ToldBook:
    """What is held of an account that began with `cash`. `findings` is what could not be read."""

    def __init__(self, cash: Decimal, fees: FeeSchedule) -> None:
        self.findings: list[str] = []
        self._cash, self._schedule = cash, fees
        self._executions: list[Execution] = []
        self._known: set[ExecutionId] = set()
        self._fees = ZERO

    @property
    def executions(self) -> tuple[Execution, ...]:
        """Those that stand, oldest first."""
        return tuple(self._executions)

    def held(self) -> dict[Symbol, Decimal]:
        """The signed quantity of each symbol that is held."""
        held: dict[Symbol, Decimal] = {}
        for each in self._executions:
            held[each.symbol] = held.get(each.symbol, ZERO) + _signed(each)
        return {symbol: quantity for symbol, quantity in held.items() if quantity}

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
            if report.kind is ReportKind.UNRECOGNISED and told.event not in NOT_FOR_US:
                self.findings.append(f"not understood: {report.reason}: {message.decode()}")
            elif report.kind is ReportKind.BUSTED and execution is not None:
                del self._executions[self._place(execution.id)]
            elif report.kind is ReportKind.FILLED and execution is not None:
                self._take(execution)

    def book(self) -> OurBook:
        """Cash, fees and holdings, counted anew."""
        cash = self._cash - self._fees
        holdings: dict[Symbol, Holding] = {}
        for each in self._executions:
            cash -= _signed(each) * each.price
            holding = holdings.setdefault(each.symbol, Holding(Decimal(1)))
            holding.trade(_signed(each), each.price, ZERO)
        return OurBook(cash=cash, fees=self._fees, holdings=holdings)

    def _take(self, execution: Execution) -> None:
        if execution.id in self._known:
            return
        self._known.add(execution.id)
        self._executions.append(execution)
        sells = execution.side is Side.SELL
        self._fees += self._schedule.on(sells=sells, quantity=execution.quantity, price=execution.price)

    def _correct(self, told: TradeUpdate) -> None:
        place = self._place(ExecutionId(told.previous_execution_id or ""))
        name, price = ExecutionId(told.execution_id or ""), told.price
        assert price is not None, f"expected the corrected price, found none: {told}"
        self._known.add(name)
        self._executions[place] = structs.replace(self._executions[place], id=name, price=price)

    def _place(self, execution_id: ExecutionId) -> int:
        return [each.id for each in self._executions].index(execution_id)


def _signed(execution: Execution) -> Decimal:
    return execution.quantity * execution.side.sign
