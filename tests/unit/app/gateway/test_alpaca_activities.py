"""An agent's fills, by pages, with what was filled and left at each; other activities are refused."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from agenttrader.app.gateway.alpaca_activities import activities_answer
from agenttrader.app.gateway.alpaca_questions import ActivitiesAsked
from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.model.orders import Role
from agenttrader.model.times import Instant, rfc3339
from agenttrader.portfolio.orders import protective_id
from agenttrader.protocols.alpaca_trading import Activity
from agenttrader.testing.builders import ACCOUNT, AGENT, ALFA, OTHER_AGENT, at, proposal
from agenttrader.testing.driver import Driver, trading

D = Decimal


@pytest.fixture
def driver() -> Driver:
    """A day on which ten were bought in two parts, then sold by their target."""
    made = trading()
    entry = proposal()
    made.propose(entry)
    made.accept(entry.id)
    for minute, quantity in ((2, 4), (3, 6)):
        made.now = at(minute)
        made.fill(entry.id, f"bought-{minute}", quantity)
    made.now = at(4)
    made.fill(protective_id(entry.id, Role.TARGET), "sold", 10, price=110)
    return made


def asked(driver: Driver, agent: AgentName = AGENT, **words: Any) -> list[Activity]:
    return activities_answer(driver.engine.state.book, ACCOUNT, agent, ActivitiesAsked(**words))


def test_each_fill_says_what_had_filled_by_then(driver: Driver) -> None:
    sold, second, first = asked(driver)
    assert [each.transaction_time for each in (first, second, sold)] == [rfc3339(at(n)) for n in (2, 3, 4)]
    assert (first.qty, first.cum_qty, first.leaves_qty, first.type, first.order_status) == (
        *(D(4), D(4), D(6), "partial_fill", "partially_filled"),
    )
    assert (second.qty, second.cum_qty, second.leaves_qty, second.type, second.order_status) == (
        *(D(6), D(10), D(0), "fill", "filled"),
    )
    assert (sold.side, sold.price, sold.symbol, sold.cum_qty) == ("sell", D(110), ALFA, D(10))
    assert first.order_id == second.order_id == proposal().id
    assert sold.order_id != first.order_id
    assert {each.activity_type for each in (first, second, sold)} == {"FILL"}


def test_ids_are_a_time_and_a_uuid_of_their_own(driver: Driver) -> None:
    ids = [each.id for each in asked(driver)]
    assert ids[0].startswith("20261120143400000::")
    assert len({UUID(each.partition("::")[2]) for each in ids}) == len(ids)


def test_another_agent_sees_none_of_them(driver: Driver) -> None:
    assert asked(driver, OTHER_AGENT) == []


def test_an_execution_that_was_taken_back_is_told_no_more(driver: Driver) -> None:
    book = driver.engine.state.book
    del book.executions[next(iter(book.executions))]
    assert len(asked(driver)) == 2


def test_pages_follow_one_another(driver: Driver) -> None:
    everything = asked(driver)
    page = asked(driver, page_size=2)
    rest = asked(driver, page_size=2, page_token=page[-1].id)
    assert [*page, *rest] == everything
    assert asked(driver, direction="asc") == everything[::-1]
    with pytest.raises(BadValue, match="page_token: expected the id of an activity in this list"):
        asked(driver, page_token="20261120143000000::none")


@pytest.mark.parametrize(
    ("words", "count"),
    (
        ({"after": rfc3339(at(2))}, 2),
        ({"until": rfc3339(at(3))}, 1),
        ({"after": rfc3339(at(2)), "until": rfc3339(Instant(at(4) + 1))}, 2),
        ({"date": "2026-11-20"}, 3),
        ({"date": "2026-11-21"}, 0),
        ({"activity_types": "FILL"}, 3),
        ({"category": "trade_activity"}, 3),
    ),
)
def test_activities_are_told_as_asked(driver: Driver, words: dict[str, Any], count: int) -> None:
    assert len(asked(driver, **words)) == count


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    (
        ({"activity_types": "DIV"}, Unsupported, "activity_types DIV"),
        ({"activity_types": "FILL,FEE"}, Unsupported, "activity_types FEE"),
        ({"activity_types": "FULL"}, BadValue, "expected types of Alpaca's, found 'FULL'"),
        ({"category": "non_trade_activity"}, Unsupported, "category non_trade_activity"),
        ({"date": "today"}, BadValue, "date: expected a day"),
    ),
)
def test_what_is_no_fill_is_refused_by_name(
    driver: Driver, words: dict[str, Any], kind: type[BadValue], says: str
) -> None:
    with pytest.raises(kind, match=says):
        asked(driver, **words)
