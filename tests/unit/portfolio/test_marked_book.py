"""The book at the market's prices: a reading values again only what has changed since the last one."""

from collections import Counter
from decimal import Decimal

import pytest

from agenttrader.model.events import AccountOpened, Event, Filled
from agenttrader.model.identifiers import AgentName, ExecutionId, StrategyName, Symbol
from agenttrader.model.orders import Leg, Side
from agenttrader.model.records import Chain
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.portfolio.scopes import Scopes, agent_table, strategy_table
from agenttrader.testing.builders import AGENT, OTHER_AGENT, STRATEGY, at, decided, proposal, sending

D = Decimal
OURS, THEIRS = agent_table(AGENT), agent_table(OTHER_AGENT)
OF_STRATEGY = strategy_table(STRATEGY)
SYMBOLS = tuple(Symbol(f"S{number:02d}") for number in range(40))


class Held:
    """A book that holds ten of each symbol, bought at 100, and is marked at 101."""

    def __init__(self) -> None:
        self.book, self.chain = Book(dict.fromkeys(SYMBOLS, D(1))), Chain()
        self.prices = dict.fromkeys(SYMBOLS, D(101))
        self.add(AccountOpened(cash=D(100_000)))
        for number, symbol in enumerate(SYMBOLS):
            self.buy(number, symbol)
        tables = dict.fromkeys(SYMBOLS[:30], (OURS,)) | {SYMBOLS[0]: (OURS, THEIRS)}
        self.valued = MarkedBook(self.book, self.prices, Scopes(tables, (STRATEGY,)))

    def add(self, *events: Event) -> None:
        for event in events:
            self.book.apply(self.chain.seal(event, at(1)))

    def buy(
        self, number: int, symbol: Symbol, side: Side = Side.BUY, strategy: StrategyName = STRATEGY
    ) -> None:
        asked = proposal(number, legs=(Leg(symbol),), side=side, exit_plan=None, strategy=strategy)
        fill = Filled(
            order_id=asked.id,
            execution_id=ExecutionId(f"e-{number}"),
            symbol=symbol,
            side=side,
            quantity=D(10),
            price=D(100),
            fee=D(0),
            time=at(1),
        )
        self.add(decided(asked), sending(asked), fill)


@pytest.fixture
def valued(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often positions were valued."""
    found: Counter[str] = Counter()
    value = Holding.value

    def counted(holding: Holding, mark: Decimal) -> Decimal:
        found["times"] += 1
        return value(holding, mark)

    monkeypatch.setattr(Holding, "value", counted)
    return found


def test_each_position_is_valued_once_and_then_only_where_something_changed(valued: Counter[str]) -> None:
    held = Held()
    assert held.valued.value().unrealised == 400
    assert valued["times"] == 40
    held.valued.value()
    held.valued.dead_machine_loss()
    assert valued["times"] == 40
    held.prices[SYMBOLS[3]] = D(103)
    held.valued.see(SYMBOLS[3])
    held.buy(100, SYMBOLS[4])
    assert held.valued.value().unrealised == 400 + 20 + 10
    assert valued["times"] == 42


def test_exposure_is_summed_for_each_that_owns_a_symbol() -> None:
    held = Held()
    assert (held.valued.gross_of(OURS), held.valued.gross_of(THEIRS)) == (D(30_300), D(1_010))
    held.buy(100, SYMBOLS[0], Side.SELL)
    assert (held.valued.gross_of(OURS), held.valued.gross_of(THEIRS)) == (D(29_290), D(0))
    held.buy(101, SYMBOLS[0], Side.SELL)
    assert (held.valued.gross_of(OURS), held.valued.gross_of(THEIRS)) == (D(30_300), D(1_010))
    assert (held.valued.net_of(OURS), held.valued.net_of(THEIRS)) == (D(28_280), D(-1_010))
    assert held.valued.net_of(agent_table(AgentName("nobody"))) == 0


def test_what_is_closed_for_nobodys_strategy_is_no_more_a_part_of_it_than_is_held() -> None:
    held, nobody = Held(), StrategyName("")
    assert held.valued.gross_of(OF_STRATEGY) == 40 * 1_010
    held.buy(100, SYMBOLS[39], strategy=nobody)
    assert held.valued.gross_of(OF_STRATEGY) == 40 * 1_010
    for number in (101, 102):
        held.buy(number, SYMBOLS[39], Side.SELL, nobody)
    assert held.valued.gross_of(OF_STRATEGY) == 39 * 1_010
    held.buy(103, SYMBOLS[39])
    assert held.valued.gross_of(OF_STRATEGY) == 40 * 1_010
    del held.prices[SYMBOLS[39]]
    held.valued.see(SYMBOLS[39])
    assert held.valued.gross_of(OF_STRATEGY) == 39 * 1_010 + 1_000


def test_where_nothing_is_held_any_more_the_sums_are_plain_noughts() -> None:
    held = Held()
    held.prices.update(dict.fromkeys(SYMBOLS, D("101.000")))
    held.valued.value()
    for number, symbol in enumerate(SYMBOLS, start=200):
        held.buy(number, symbol, Side.SELL)
    value = held.valued.value()
    sums = (value.gross_exposure, value.net_exposure, value.unrealised, held.valued.dead_machine_loss())
    assert list(map(str, sums)) == ["0"] * 4
    assert value.equity == 100_000


def test_two_that_watch_one_book_both_see_what_changes() -> None:
    held = Held()
    other = MarkedBook(held.book, held.prices)
    for each in (held.valued, other):
        each.value()
    held.buy(100, SYMBOLS[4])
    assert held.valued.value() == other.value()
    assert other.value().gross_exposure == 41 * 1_010


def test_prices_of_what_is_held_are_untold_until_they_were_told() -> None:
    held, told = Held(), dict[Symbol, Decimal | None]()
    assert dict(held.valued.untold(told)) == held.prices
    told |= held.prices
    assert held.valued.untold(told) == ()

    held.prices[SYMBOLS[3]] = D(102)
    held.valued.see(SYMBOLS[3])
    # Asked twice before it was told, it is told twice.
    assert held.valued.untold(told) == held.valued.untold(told) == ((SYMBOLS[3], D(102)),)
    told[SYMBOLS[3]] = D(102)
    held.prices[SYMBOLS[5]] = D(104)
    held.valued.see(SYMBOLS[5])
    del held.prices[SYMBOLS[7]]
    held.valued.see(SYMBOLS[7])
    held.valued.see(SYMBOLS[9])
    assert held.valued.untold(told) == ((SYMBOLS[5], D(104)), (SYMBOLS[7], None))


def test_what_is_not_held_has_no_price_to_tell() -> None:
    held = Held()
    held.prices[SYMBOLS[3]] = D(102)
    held.valued.see(SYMBOLS[3])
    held.buy(50, SYMBOLS[3], Side.SELL)
    assert SYMBOLS[3] not in dict(held.valued.untold({}))
    held.prices[SYMBOLS[3]] = D(103)
    held.valued.see(SYMBOLS[3])
    assert SYMBOLS[3] not in dict(held.valued.untold({}))
    held.buy(51, SYMBOLS[3])
    assert dict(held.valued.untold({}))[SYMBOLS[3]] == D(103)
