"""A report on an order that we cannot place: asked about once where it may be ours, else a break."""

from agenttrader.model.breaks import BreakKind
from agenttrader.model.orders import OrderState
from agenttrader.model.reports import ReportKind
from agenttrader.portfolio.book import Book
from agenttrader.runtime.strangers import Strangers
from agenttrader.testing.builders import MULTIPLIERS, proposal, report
from agenttrader.testing.driver import trading

STRANGE = report(ReportKind.ACCEPTED, "nobody's")


def unanswered() -> Book:
    driver = trading()
    driver.propose(proposal())
    assert driver.order(proposal().id).state is OrderState.SENDING
    return driver.engine.state.book


def test_where_no_answer_is_out_it_is_a_break() -> None:
    found, is_asked_about = Strangers().hear(STRANGE, Book(MULTIPLIERS))
    assert found is not None
    assert (found.kind, is_asked_about) == (BreakKind.ORDER_MISSING_HERE, False)


def test_where_one_is_out_the_broker_is_asked_once_and_then_it_is_a_break() -> None:
    strangers, book = Strangers(), unanswered()
    assert strangers.hear(STRANGE, book) == (None, True)
    assert strangers.hear(STRANGE, book) == (None, False)
    strangers.compare()
    found, is_asked_about = strangers.hear(STRANGE, book)
    assert found is not None
    assert not is_asked_about


def test_what_nobody_can_read_is_a_break_at_once() -> None:
    found, _ = Strangers().hear(report(ReportKind.UNRECOGNISED, "nobody's"), unanswered())
    assert found is not None
    assert found.kind is BreakKind.UNRECOGNISED_REPORT
