"""Reports on orders that we cannot place: perhaps of one whose answer is still out, else somebody else's."""

from agenttrader.model.breaks import Break
from agenttrader.model.orders import OrderState
from agenttrader.model.reports import ExecutionReport, ReportKind
from agenttrader.portfolio.book import Book
from agenttrader.runtime.executions import break_of_stranger


class Strangers:
    """Which orders the broker spoke of that this book does not have, since this process began."""

    def __init__(self) -> None:
        self._compared: dict[str, bool] = {}
        """By what the broker calls them; whether the books were compared since it first spoke of one."""

    def hear(self, report: ExecutionReport, book: Book) -> tuple[Break | None, bool]:
        """The break of it, if any, and whether the broker is to be asked for everything before that.

        Asked about once: a stranger's order, told again with every answer, would have us ask for ever.
        """
        name = report.client_order_id or report.broker_order_id or "without an id"
        may_be_ours = report.kind is not ReportKind.UNRECOGNISED and any(
            order.state in (OrderState.SENDING, OrderState.UNKNOWN) for order in book.orders.open_orders()
        )
        is_news = name not in self._compared
        if may_be_ours and not self._compared.setdefault(name, False):
            return None, is_news
        return break_of_stranger(report, name), False

    def compare(self) -> None:
        """The books were compared: who is not known by now is somebody else."""
        self._compared = dict.fromkeys(self._compared, True)
