"""The oracle in SQL and the venue's ledger over days of options: what is held, what it cost, what is left."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.app.venue.activities import activity_answer
from agenttrader.protocols.alpaca_trading import encode
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.quotes import QuoteRule
from agenttrader.testing.option_stage import OptionStage, call, put
from agenttrader.testing.sql_oracle import SqlOracle

EXAMPLES = 40
CASH = Decimal(30_000)
SYMBOLS = ("ABC", *(side(strike) for side in (call, put) for strike in (90, 100, 110)))
ORDERS = st.tuples(st.tuples(st.integers(-3, 3).filter(bool), st.sampled_from(SYMBOLS)))
SPREADS = st.sampled_from(
    [((sign, side(90)), (-sign, side(110))) for side in (call, put) for sign in (1, -1)]
)
MINUTES = st.lists(st.tuples(st.integers(85, 115), ORDERS | SPREADS), min_size=1, max_size=12)


def stage_of() -> OptionStage:
    rate = Decimal("0.013")
    return OptionStage(
        accounts=(AccountOpening(name="a", cash=CASH, shorting=False, options_level=3),),
        quoting=(QuoteRule(underlying="ABC", volatility=Decimal("0.3"), spread=Decimal("0.04"), size=2),),
        fees=FeeSchedule(
            sec_rate=rate,
            taf_rate=rate,
            taf_cap=Decimal(5),
            option_orf_rate=rate,
            option_occ_rate=rate,
            option_occ_cap=Decimal(1),
        ),
    )


@settings(max_examples=EXAMPLES)
@given(MINUTES, st.integers(80, 120))
def test_the_ledger_and_the_oracle_agree(
    minutes: list[tuple[int, tuple[tuple[int, str], ...]]], last: int
) -> None:
    stage = stage_of()
    for price, legs in minutes:
        if len(legs) > 1:
            stage.package(*legs)
        else:
            ((lots, symbol),) = legs
            stage.ask(lots * (100 if symbol == "ABC" else 1), symbol)
        stage.bar(price)
        stage.pass_on()
    stage.bar(last)
    stage.close()
    assert_agree(stage)


def assert_agree(stage: OptionStage) -> None:
    books, oracle = stage.books, SqlOracle()
    told = [activity_answer(each, "a", books.listings) for each in stage.exchange.activities["a"]]
    oracle.open_account("a", str(CASH))
    oracle.take("a", encode(told))
    assert Decimal(oracle.cash("a")) == stage.cash()
    held = {each.symbol: each for each in oracle.holdings("a") if each.quantity != "0"}
    assert sorted(held) == books.ledger.symbols("a")
    for symbol, holding in held.items():
        listing, cost = books.listings[symbol], Decimal(books.ledger.cost("a", symbol)).scaleb(-15)
        assert Decimal(holding.quantity) == listing.quantity(stage.lots(symbol))
        assert abs(Decimal(holding.cost) - cost) <= Decimal("1e-9") * oracle.executions("a")
    oracle.close()
