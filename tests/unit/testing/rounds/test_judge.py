"""The judge of the rounds finds each thing that may not be, and nothing where all is well."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from agenttrader.model.identifiers import OrderId
from agenttrader.model.reports import ReportKind
from agenttrader.testing.builders import ACCOUNT, MULTIPLIERS, proposal
from agenttrader.testing.driver import Driver, at_rest, trading
from agenttrader.testing.rounds.judge import Books, Intent, hit, wrong, wrong_at_death
from agenttrader.testing.rounds.phases import Phase

NAME = proposal().client_order_id or ""
ANSWERED = Intent(NAME, "bot", 200, "new")
WORKS = {"filled_qty": "0", "status": "new"}


def log_of(*names: str, account: str = ACCOUNT) -> list[bytes]:
    lines = [{"type": "order", "account": account, "submission": {"client_order_id": name}} for name in names]
    return [json.dumps(each, separators=(",", ":")).encode() for each in lines]


def books_of(driver: Driver, *taken: str) -> Books:
    books = Books(MULTIPLIERS)
    books.take(driver.records)
    books.take_log(log_of(*taken), ACCOUNT)
    return books


def sent() -> tuple[Driver, str]:
    """An order that left, and its id at the venue."""
    driver = trading()
    driver.propose(proposal())
    return driver, str(driver.order(proposal().id).client_id)


def judged(
    change: Callable[[Driver], Any] = lambda _: None,
    taken: int = 1,
    at_venue: dict[str, str] | None = WORKS,
    intent: Intent = ANSWERED,
) -> list[str]:
    """What is wrong with an order that the venue accepted, where something is otherwise."""
    driver, name = sent()
    driver.accept(proposal().id)
    change(driver)
    told = {} if at_venue is None else {name: at_venue}
    return list(wrong(books_of(driver, *[name] * taken), [intent], told))


def test_an_order_that_is_once_at_the_venue_and_in_the_book_is_well() -> None:
    assert judged() == []


def fill(driver: Driver) -> None:
    driver.fill(proposal().id, "e-1", 10)


@pytest.mark.parametrize(
    ("said", "otherwise"),
    (
        (" 2 times", {"taken": 2}),
        ("the venue never had it", {"at_venue": None}),
        ("the venue filled 10, the book says 0", {"at_venue": {"filled_qty": "10", "status": "filled"}}),
        ("the venue says new, the book filled", {"change": fill, "at_venue": WORKS | {"filled_qty": "10"}}),
        ("the venue says canceled, the book accepted", {"at_venue": WORKS | {"status": "canceled"}}),
        ("never answered", {"intent": Intent(NAME, "bot")}),
        ("on no record, and its client was told new", {"intent": Intent("another", "bot", 200, "new")}),
    ),
)
def test_what_differs_is_found(said: str, otherwise: dict[str, Any]) -> None:
    assert any(said in finding for finding in judged(**otherwise))


def test_an_order_of_no_record_at_the_venue_is_found_and_anothers_account_is_not_looked_at() -> None:
    driver, name = sent()
    driver.accept(proposal().id)
    books = books_of(driver, name, "at-1-of-nobody")
    books.take_log(log_of("theirs", account="ANOTHER"), ACCOUNT)
    assert list(wrong(books, [], {name: WORKS})) == ["the venue has at-1-of-nobody, which is on no record"]


def test_an_order_whose_end_is_not_known_is_found() -> None:
    driver, name = sent()
    driver.report(ReportKind.ANSWER_LOST, proposal().id)
    (finding,) = wrong(books_of(driver), [ANSWERED], {})
    assert "its end is not known: unknown" in finding
    assert name in finding


def test_a_denied_order_of_which_its_client_was_told_that_it_works_is_found() -> None:
    driver = at_rest()
    driver.propose(proposal())
    assert list(wrong(books_of(driver), [Intent(NAME, "bot", 403, "refused: no price")], {})) == []
    (finding,) = wrong(books_of(driver), [ANSWERED], {})
    assert "it was denied, and its client was told new" in finding


def test_what_was_approved_or_counted_twice_is_found() -> None:
    driver, name = sent()
    driver.accept(proposal().id)
    fill(driver)
    books = books_of(driver, name)
    filled = {name: {"filled_qty": "10", "status": "filled"}}
    assert (books.approved[NAME], books.executions["e-1"]) == (1, 1)
    assert list(wrong(books, [], filled)) == []
    books.approved[NAME] += 1
    books.executions["e-1"] += 1
    found = list(wrong(books, [], filled))
    assert found == [f"{NAME} was approved 2 times", "execution e-1 was counted 2 times"]


def test_what_was_judged_and_has_ended_is_not_looked_at_again() -> None:
    driver, name = sent()
    driver.accept(proposal().id)
    books = books_of(driver, name)
    books.settle()
    assert set(books.unsettled) == {name}
    fill(driver)
    books = books_of(driver, name)
    books.settle()
    assert set(books.unsettled) == set()


def test_what_left_or_was_committed_is_on_the_disk_of_the_dead() -> None:
    driver, name = sent()
    whole = books_of(driver, name)
    assert list(wrong_at_death(whole, {NAME: Phase.SENT})) == []
    without = Books(MULTIPLIERS)
    without.take(record for record in driver.records if record.sequence < driver.records[-1].sequence)
    without.take_log(log_of(name), ACCOUNT)
    assert list(wrong_at_death(without, {NAME: Phase.COMMITTED})) == [
        f"the venue has {name}, of which nothing is on disk",
        f"{NAME} was committed, and is not on disk",
    ]
    assert list(wrong_at_death(Books(MULTIPLIERS), {NAME: Phase.DECIDED})) == []


UNANSWERED = Intent(NAME, "bot")


@pytest.mark.parametrize(
    ("marked", "at_venue", "last", "intent", "phase"),
    (
        (None, "", "", UNANSWERED, None),
        (Phase.BEFORE_DECISION, "", "", UNANSWERED, Phase.BEFORE_DECISION),
        (Phase.DECIDED, "", "", UNANSWERED, Phase.COMMITTED),  # The disk has it.
        (Phase.COMMITTED, "", "", UNANSWERED, Phase.COMMITTED),
        (Phase.SENDING, "", "", UNANSWERED, Phase.SENDING),
        (Phase.SENDING, "taken", "", UNANSWERED, Phase.SENT),
        (Phase.ANSWERED, "taken", "", UNANSWERED, Phase.ANSWERED),
        (Phase.RECORDED, "accepted", "", UNANSWERED, Phase.RECORDED),
        (Phase.RECORDED, "accepted", "", ANSWERED, None),
        (Phase.RECORDED, "accepted", NAME, ANSWERED, Phase.RECORDED),
    ),
)
def test_the_phase_that_was_hit(
    marked: Phase | None, at_venue: str, last: str, intent: Intent, phase: Phase | None
) -> None:
    driver, name = sent()
    if at_venue == "accepted":
        driver.accept(proposal().id)
    books = books_of(driver, *([name] if at_venue else []))
    assert hit(books, {} if marked is None else {NAME: marked}, last, intent) is phase


def test_an_order_that_is_not_on_disk_was_decided_at_most() -> None:
    assert hit(Books(MULTIPLIERS), {NAME: Phase.DECIDED}, "", UNANSWERED) is Phase.DECIDED
    assert Books(MULTIPLIERS).order(NAME) is None
    assert books_of(sent()[0]).order(NAME) is not None
    assert books_of(sent()[0]).orders[NAME] == OrderId(proposal().id)
