"""Every difference is one break, and what is no difference is none."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.breaks import BreakKind as K
from agenttrader.model.identifiers import (
    AccountName,
    ActivityId,
    BrokerOrderId,
    ClientOrderId,
    ExecutionId,
    OrderId,
    Symbol,
)
from agenttrader.model.orders import Side
from agenttrader.model.permits import Permits
from agenttrader.model.reports import BrokerOrder, BrokerPosition, BrokerStatement
from agenttrader.model.times import Instant
from agenttrader.reconciliation.compare import BookOrder, BookStatement, compare

PERMITS = Permits(
    status="ACTIVE",
    trading_blocked=False,
    account_blocked=False,
    trade_suspended_by_user=False,
    coin_status=None,
    shorting=True,
    options_level=0,
)
BLOCKED = msgspec.structs.replace(PERMITS, trading_blocked=True)
AAPL, MSFT, TSLA, NVDA = (Symbol(name) for name in ("AAPL", "MSFT", "TSLA", "NVDA"))
ACCOUNT = AccountName("SIM-1")
Replace = Callable[..., Any]
change: Replace = msgspec.structs.replace


def our_order(number: int = 1, **changes: Any) -> BookOrder:
    order = BookOrder(
        order_id=OrderId(f"order-{number}"),
        client_order_id=ClientOrderId(f"at-{number}-abc"),
        broker_order_id=BrokerOrderId(f"broker-{number}"),
        symbol=AAPL,
        side=Side.BUY,
        quantity=Decimal(10),
        filled_quantity=Decimal(0),
    )
    return change(order, **changes)  # type: ignore[no-any-return]


def their_order(number: int = 1, **changes: Any) -> BrokerOrder:
    order = BrokerOrder(
        broker_order_id=BrokerOrderId(f"broker-{number}"),
        client_order_id=ClientOrderId(f"at-{number}-abc"),
        symbol=AAPL,
        side=Side.BUY,
        quantity=Decimal("10.00"),
        filled_quantity=Decimal(0),
        status="new",
    )
    return change(order, **changes)  # type: ignore[no-any-return]


def holding(symbol: Symbol, quantity: str) -> BrokerPosition:
    return BrokerPosition(symbol=symbol, quantity=Decimal(quantity), average_price=Decimal(100))


def posted(name: str, **changes: Any) -> AccountActivity:
    activity = AccountActivity(
        id=ActivityId(name),
        kind=ActivityKind.FEE,
        word="FEE TAF",
        date="2026-11-20",
        time=Instant(0),
        amount=Decimal("-1.23"),
    )
    return change(activity, **changes)  # type: ignore[no-any-return]


OURS = BookStatement(
    account=ACCOUNT,
    cash=Decimal("9000.5"),
    positions=((AAPL, Decimal(5)), (MSFT, Decimal(-3)), (TSLA, Decimal(0))),
    working_orders=(our_order(1),),
    unknown_orders=(),
    executions=(ExecutionId("e1"), ExecutionId("e2")),
    activities=frozenset({ActivityId("fee-1"), ActivityId("of-long-ago")}),
)
THEIRS = BrokerStatement(
    account="SIM-1",
    time=Instant(0),
    cash=Decimal("9000.50"),
    equity=Decimal(10_000),
    buying_power=Decimal(10_000),
    positions=(holding(AAPL, "5"), holding(MSFT, "-3")),
    open_orders=(their_order(1),),
    activities=(posted("fee-1"),),
    executions=(ExecutionId("e2"), ExecutionId("e1")),
    permits=PERMITS,
)


def kinds(ours: BookStatement, theirs: BrokerStatement) -> list[K]:
    return [found.kind for found in compare(ours, theirs)]


def test_books_that_agree_have_no_break() -> None:
    assert compare(OURS, THEIRS) == ()


def ours(**changes: Any) -> BookStatement:
    return change(OURS, **changes)  # type: ignore[no-any-return]


def theirs(**changes: Any) -> BrokerStatement:
    return change(THEIRS, **changes)  # type: ignore[no-any-return]


CASES: tuple[tuple[str, BookStatement, BrokerStatement, list[tuple[K, str, str]]], ...] = (
    ("cash", OURS, theirs(cash=Decimal("9000.49")), [(K.CASH, "9000.5", "9000.49")]),
    (
        "an activity, said twice",
        ours(activities=frozenset()),
        theirs(activities=(posted("fee-1"), posted("fee-1"))),
        [(K.ACTIVITY, "not in the book", "FEE TAF fee-1")],
    ),
    (
        "a position of another size",
        OURS,
        theirs(positions=(holding(AAPL, "4"), holding(MSFT, "-3"))),
        [(K.POSITION, "5", "4")],
    ),
    (
        "a position on the other side",
        OURS,
        theirs(positions=(holding(AAPL, "5"), holding(MSFT, "3"))),
        [(K.POSITION, "-3", "3")],
    ),
    (
        "an empty list is not a flat account",
        OURS,
        theirs(positions=()),
        [(K.POSITION, "5", "0"), (K.POSITION, "-3", "0")],
    ),
    (
        "a position that we do not know",
        OURS,
        theirs(positions=(*THEIRS.positions, holding(NVDA, "1"))),
        [(K.POSITION, "0", "1")],
    ),
    (
        "an order that the broker does not have",
        OURS,
        theirs(open_orders=()),
        [(K.ORDER_MISSING_AT_BROKER, "buy 10 AAPL", "not open")],
    ),
    (
        "an order that we do not have",
        ours(working_orders=()),
        THEIRS,
        [(K.ORDER_MISSING_HERE, "not working", "buy 10 AAPL")],
    ),
    (
        "one order sent twice",
        ours(working_orders=(our_order(1, broker_order_id=None),)),
        theirs(open_orders=(their_order(1), their_order(1, broker_order_id=BrokerOrderId("broker-9")))),
        [(K.ORDER_MISSING_HERE, "not working", "buy 10 AAPL")],
    ),
    (
        "another quantity",
        OURS,
        theirs(open_orders=(their_order(1, quantity=Decimal(11)),)),
        [(K.ORDER_QUANTITY, "buy 10 AAPL", "buy 11 AAPL")],
    ),
    (
        "another filled quantity",
        ours(working_orders=(our_order(1, filled_quantity=Decimal(2)),)),
        THEIRS,
        [(K.ORDER_QUANTITY, "buy 10 AAPL, 2 filled", "buy 10 AAPL")],
    ),
    (
        "another side",
        OURS,
        theirs(open_orders=(their_order(1, side=Side.SELL),)),
        [(K.ORDER_QUANTITY, "buy 10 AAPL", "sell 10 AAPL")],
    ),
    (
        "a broker that contradicts itself",
        OURS,
        theirs(open_orders=(their_order(1), their_order(1, quantity=Decimal(3)))),
        [(K.ORDER_QUANTITY, "buy 10 AAPL", "buy 10 AAPL and also buy 3 AAPL")],
    ),
    (
        "an execution that we do not have",
        ours(executions=(ExecutionId("e1"),)),
        THEIRS,
        [(K.EXECUTION_MISSING_HERE, "not in the book", "e2")],
    ),
    (
        "an execution that the broker does not have",
        OURS,
        theirs(executions=()),
        [
            (K.EXECUTION_MISSING_AT_BROKER, "e1", "not listed"),
            (K.EXECUTION_MISSING_AT_BROKER, "e2", "not listed"),
        ],
    ),
    (
        "an UNKNOWN order of which nothing is seen",
        ours(unknown_orders=(our_order(2, broker_order_id=None),)),
        THEIRS,
        [(K.ORDER_UNKNOWN, "buy 10 AAPL", "nothing of it")],
    ),
    (
        "an UNKNOWN order that is open at the broker is one break, not two",
        ours(unknown_orders=(our_order(2, broker_order_id=None),)),
        theirs(open_orders=(their_order(1), their_order(2, filled_quantity=Decimal(4)))),
        [(K.ORDER_UNKNOWN, "buy 10 AAPL", "buy 10 AAPL, 4 filled")],
    ),
    ("a blocked account", OURS, theirs(permits=BLOCKED), [(K.ACCOUNT_BLOCKED, "not blocked", "blocked")]),
    (
        "of another account nothing else is said",
        OURS,
        theirs(account="SIM-2", permits=BLOCKED, cash=Decimal(0), positions=(), open_orders=()),
        [(K.WRONG_ACCOUNT, "SIM-1", "SIM-2")],
    ),
)


@pytest.mark.parametrize(
    ("book", "statement", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_difference_is_one_break(
    book: BookStatement, statement: BrokerStatement, expected: list[tuple[K, str, str]]
) -> None:
    found = compare(book, statement)
    assert [(one.kind, one.ours, one.theirs) for one in found] == expected


def test_every_kind_that_a_comparison_can_find_is_in_the_table() -> None:
    from_elsewhere = {
        K.CANCEL_UNCONFIRMED,
        K.STRUCTURE,
        K.EXECUTION_TERMS,
        K.IMPOSSIBLE_TRANSITION,
        K.UNRECOGNISED_REPORT,
        K.UNPROTECTED,
        K.DOUBT,
    }
    assert {kind for case in CASES for kind, _, _ in case[3]} == set(K) - from_elsewhere


def test_a_break_says_what_it_is_to_somebody_woken_by_it() -> None:
    (found,) = compare(OURS, theirs(positions=(holding(AAPL, "4"), holding(MSFT, "-3"))))
    assert found.symbol == AAPL
    assert found.sentence == (
        "In AAPL we are long 5, the broker says long 4: a difference of 1. Until it is settled, an exit of "
        "ours could be the wrong size."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    (
        (
            {"kind": ActivityKind.UNTREATED, "word": "ACATC", "amount": Decimal(5)},
            "posted ACATC for 2026-11-20: 5 in cash. There is no treatment for that here",
        ),
        (
            {"kind": ActivityKind.SPLIT, "symbol": AAPL, "quantity": Decimal(30), "amount": Decimal(0)},
            "0 in cash and 30 AAPL. It does not lead from our position to the broker's",
        ),
        ({}, "-1.23 in cash. Our book has not taken it in yet: compare again. See activity new at the"),
    ),
)
def test_an_activity_that_was_not_taken_in_says_why(changes: dict[str, Any], said: str) -> None:
    (found,) = compare(OURS, theirs(activities=(posted("fee-1"), posted("new", **changes))))
    assert said in found.sentence
    assert (found.kind, found.symbol) == (K.ACTIVITY, changes.get("symbol"))


def test_an_order_without_the_brokers_id_is_found_by_our_own() -> None:
    book = ours(working_orders=(our_order(1, broker_order_id=None),))
    assert compare(book, THEIRS) == ()


def test_a_leg_is_found_by_the_brokers_id_alone() -> None:
    leg = our_order(2, client_order_id=None, side=Side.SELL)
    stated = their_order(2, client_order_id=ClientOrderId(""), side=Side.SELL)
    book = ours(working_orders=(our_order(1), leg))
    assert compare(book, theirs(open_orders=(their_order(1), stated))) == ()
    unplaced = ours(working_orders=(our_order(1), change(leg, broker_order_id=None)))
    assert kinds(unplaced, theirs(open_orders=(their_order(1), stated))) == [
        K.ORDER_MISSING_HERE,
        K.ORDER_MISSING_AT_BROKER,
    ]


def test_an_order_that_is_both_unknown_and_working_is_unknown() -> None:
    book = ours(unknown_orders=(our_order(1),))
    assert kinds(book, THEIRS) == [K.ORDER_UNKNOWN]


def test_lots_of_one_symbol_are_added() -> None:
    assert (
        compare(OURS, theirs(positions=(holding(AAPL, "3"), holding(AAPL, "2"), holding(MSFT, "-3")))) == ()
    )


def test_what_is_urgent_stands_first() -> None:
    book = ours(unknown_orders=(our_order(2),), cash=Decimal(1), executions=())
    statement = theirs(permits=BLOCKED, positions=(), open_orders=())
    assert kinds(book, statement) == [
        K.ACCOUNT_BLOCKED,
        K.ORDER_UNKNOWN,
        K.POSITION,
        K.POSITION,
        K.ORDER_MISSING_AT_BROKER,
        K.EXECUTION_MISSING_HERE,
        K.EXECUTION_MISSING_HERE,
        K.CASH,
    ]


quantities = st.integers(1, 500).map(lambda lots: Decimal(lots) / 10)
numbers = st.integers(1, 12)


@st.composite
def agreeing(draw: st.DrawFn) -> tuple[BookStatement, BrokerStatement]:
    """A book and a statement of the same account that say the same."""
    orders = draw(st.dictionaries(numbers, st.tuples(st.sampled_from((AAPL, MSFT)), quantities, quantities)))
    held = draw(st.dictionaries(st.sampled_from((AAPL, MSFT, TSLA, NVDA)), quantities))
    executions = tuple(ExecutionId(f"e{number}") for number in draw(st.sets(numbers)))
    terms = [
        (number, {"symbol": symbol, "quantity": quantity + filled, "filled_quantity": filled})
        for number, (symbol, quantity, filled) in orders.items()
    ]
    book = ours(
        positions=tuple(held.items()),
        working_orders=tuple(our_order(number, **changes) for number, changes in terms),
        executions=executions,
    )
    statement = theirs(
        positions=tuple(holding(symbol, str(quantity)) for symbol, quantity in held.items()),
        open_orders=tuple(their_order(number, **changes) for number, changes in terms),
        executions=executions,
    )
    return book, statement


@st.composite
def differing(draw: st.DrawFn) -> tuple[BookStatement, BrokerStatement, set[tuple[K, str]]]:
    """A book, a statement made to differ from it in places, and each place as kind and subject."""
    book, statement = draw(agreeing())
    expected: set[tuple[K, str]] = set()

    def picked(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(st.sampled_from(items), unique_by=id))) if items else ()

    lost = picked(statement.open_orders)
    more = picked(tuple(order for order in statement.open_orders if order not in lost))
    expected |= {(K.ORDER_MISSING_AT_BROKER, order.broker_order_id) for order in lost}
    expected |= {(K.ORDER_QUANTITY, order.broker_order_id) for order in more}
    orders = [
        change(order, quantity=order.quantity + 1) if order in more else order
        for order in statement.open_orders
        if order not in lost
    ]
    if draw(st.booleans()):
        orders.append(their_order(99))
        expected.add((K.ORDER_MISSING_HERE, "broker-99"))

    gone = picked(statement.positions)
    expected |= {(K.POSITION, position.symbol) for position in gone}
    unheard = picked(statement.executions)
    expected |= {(K.EXECUTION_MISSING_AT_BROKER, execution) for execution in unheard}
    executions = [one for one in statement.executions if one not in unheard]
    if draw(st.booleans()):
        executions.append(ExecutionId("e99"))
        expected.add((K.EXECUTION_MISSING_HERE, "e99"))
    cash = statement.cash + draw(st.sampled_from((Decimal(0), Decimal("0.01"))))
    if cash != statement.cash:
        expected.add((K.CASH, ""))
    changed = change(
        statement,
        open_orders=tuple(orders),
        positions=tuple(one for one in statement.positions if one not in gone),
        executions=tuple(executions),
        cash=cash,
    )
    return book, changed, expected


def subject(found: Any, book: BookStatement) -> tuple[K, str]:
    broker_ids = {order.order_id: str(order.broker_order_id) for order in book.working_orders}
    match found.kind:
        case K.POSITION:
            return found.kind, str(found.symbol)
        case K.ORDER_QUANTITY | K.ORDER_MISSING_AT_BROKER:
            return found.kind, broker_ids[found.order_id]
        case K.ORDER_MISSING_HERE:
            return found.kind, "broker-99"
        case K.EXECUTION_MISSING_HERE:
            return found.kind, found.theirs
        case K.EXECUTION_MISSING_AT_BROKER:
            return found.kind, found.ours
        case _:
            return found.kind, ""


@given(agreeing())
def test_equal_inputs_give_no_break(books: tuple[BookStatement, BrokerStatement]) -> None:
    assert compare(*books) == ()


@given(differing())
def test_every_difference_is_exactly_one_break(
    case: tuple[BookStatement, BrokerStatement, set[tuple[K, str]]],
) -> None:
    book, statement, expected = case
    found = [subject(one, book) for one in compare(book, statement)]
    assert sorted(found, key=str) == sorted(expected, key=str)


@given(differing(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(
    case: tuple[BookStatement, BrokerStatement, set[tuple[K, str]]], random: Any
) -> None:
    book, statement, _ = case

    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        mixed = [*items, *(item for item in items if random.random() < 0.3)]
        random.shuffle(mixed)
        return tuple(mixed)

    mixed_book = change(
        book,
        positions=shuffled(book.positions),
        working_orders=shuffled(book.working_orders),
        executions=shuffled(book.executions),
    )
    mixed_statement = change(
        statement,
        positions=shuffled(statement.positions),
        open_orders=shuffled(statement.open_orders),
        executions=shuffled(statement.executions),
    )
    assert compare(mixed_book, mixed_statement) == compare(book, statement)
