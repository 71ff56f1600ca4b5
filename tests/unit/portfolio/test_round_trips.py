"""Round trips: from flat to flat, after fees, whoever closed them; a spread's legs are one."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.portfolio.round_trips import Closed, RoundTrips

D = Decimal
ADA, BOB = AgentName("ada"), AgentName("bob")
ALFA, BRAVO = Symbol("ALFA"), Symbol("BRAVO")


def trade(
    trips: RoundTrips,
    quantity: int,
    price: int,
    *,
    agent: AgentName = ADA,
    symbols: tuple[Symbol, ...] = (ALFA,),
    symbol: Symbol = ALFA,
    fee: str = "0",
) -> Closed | None:
    return trips.trade(agent, symbols, symbol, D(quantity), D(price), D(fee))


def test_it_is_over_when_nothing_is_held_and_belongs_to_who_opened_it() -> None:
    trips = RoundTrips()
    assert trade(trips, 10, 100) is None
    assert trade(trips, -4, 90, agent=BOB) is None
    assert trade(trips, -6, 95, agent=BOB) == Closed(ADA, D(-70))


def test_fees_are_part_of_it_and_a_short_is_one_too() -> None:
    trips = RoundTrips()
    trade(trips, -10, 100, fee="0.5")
    assert trade(trips, 10, 100, fee="0.25") == Closed(ADA, D("-0.75"))


def test_a_fill_through_flat_closes_one_and_opens_another() -> None:
    trips = RoundTrips()
    trade(trips, 10, 100)
    assert trade(trips, -15, 110, agent=BOB, fee="1") == Closed(ADA, D(99))
    assert trade(trips, 5, 120) == Closed(BOB, D(-50))


def test_what_one_order_trades_in_two_symbols_is_over_with_the_last_of_them() -> None:
    trips, both = RoundTrips(), (ALFA, BRAVO)
    trade(trips, 10, 100, symbols=both)
    trade(trips, -10, 40, symbols=both, symbol=BRAVO)
    assert trade(trips, -10, 90, symbols=both) is None
    assert trade(trips, 10, 20, symbols=both, symbol=BRAVO) == Closed(ADA, D(100))


def test_two_that_an_order_joins_are_one() -> None:
    trips = RoundTrips()
    trade(trips, 10, 100)
    trade(trips, 10, 50, symbol=BRAVO, symbols=(BRAVO,))
    assert trade(trips, -10, 80, symbols=(ALFA, BRAVO)) is None
    assert trade(trips, -10, 60, symbol=BRAVO, symbols=(BRAVO,)) == Closed(ADA, D(-100))


def test_a_split_changes_what_is_held_and_cash_for_a_rest_counts() -> None:
    trips = RoundTrips()
    trade(trips, 10, 100)
    assert trips.adjust(ALFA, D(-9), D(7)) is None
    assert trade(trips, -1, 1_000) == Closed(ADA, D(7))


def test_what_nobody_opened_here_is_nobodys() -> None:
    trips = RoundTrips()
    trips.adjust(ALFA, D(10), D(0))
    assert trade(trips, -10, 3) == Closed(AgentName(""), D(30))


@given(st.lists(st.tuples(st.integers(-5, 5).filter(bool), st.integers(1, 50)), max_size=30))
def test_together_they_made_what_the_account_made(fills: list[tuple[int, int]]) -> None:
    trips, held, made, cash = RoundTrips(), 0, D(0), D(0)
    for quantity, price in fills:
        closed = trade(trips, quantity, price)
        is_over = held * (held + quantity) < 0 or held + quantity == 0
        assert (closed is not None) is is_over
        held += quantity
        cash -= quantity * price
        made += closed.net if closed is not None else 0
        if not held:
            assert made == cash


def test_it_names_the_orders_that_made_it_and_a_fill_through_flat_is_of_both() -> None:
    trips = RoundTrips()

    def fill(order: str, quantity: int, *symbols: Symbol) -> Closed | None:
        symbol, *_ = symbols = symbols or (ALFA,)
        return trips.trade(ADA, symbols, symbol, D(quantity), D(10), D(0), OrderId(order))

    fill("in", 10)
    fill("more", 5)
    fill("in", 1)
    assert trips.still_open() == (("in", "more"),)
    assert fill("out", -20) == Closed(ADA, D(0), (OrderId("in"), OrderId("more"), OrderId("out")))
    assert trips.still_open() == (("out",),)
    fill("pair", 1, BRAVO, ALFA)
    assert trips.still_open() == (("out", "pair"),)
    assert fill("back", -1, BRAVO) is None
    assert fill("cover", 4) == Closed(ADA, D(0), tuple(map(OrderId, ("out", "pair", "back", "cover"))))
    assert trips.still_open() == ()
