"""The oracle in SQL: hand-made accounts with answers worked out on paper, and the same sums by Fractions."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.testing.sql_oracle import Holding, SqlOracle


def fill(number: int, side: str, quantity: str, price: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"20261120143100000::e-{number}",
        "activity_type": "FILL",
        "transaction_time": "2026-11-20T14:31:00Z",
        "symbol": "ALFA",
        "side": side,
        "qty": quantity,
        "price": price,
        "order_id": f"o-{number}",
    } | changes


def fee(number: int, amount: str) -> dict[str, Any]:
    return {
        "id": f"20261120143100000::f-{number}",
        "activity_type": "FEE",
        "date": "2026-11-20",
        "net_amount": amount,
    }


def kept_coins(number: int, quantity: str, of: int) -> dict[str, Any]:
    return {
        "id": f"20261120143100000::k-{number}",
        "activity_type": "CFEE",
        "date": "2026-11-20",
        "net_amount": "0",
        "symbol": "BTCUSD",
        "qty": f"-{quantity}",
        "description": f"Coin Pair Transaction Fee (Non USD), execution e-{of}",
    }


def split(number: int, added: str, words: str, amount: str = "0") -> dict[str, Any]:
    return {
        "id": f"20261123143100000::s-{number}",
        "activity_type": "SPLIT",
        "date": "2026-11-23",
        "net_amount": amount,
        "symbol": "ALFA",
        "qty": added,
        "description": f"Split of ALFA: {words}",
    }


def end(number: int, kind: str, symbol: str, quantity: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"20261120210000000::n-{number}",
        "activity_type": kind,
        "date": "2026-11-20",
        "net_amount": "0",
        "symbol": symbol,
        "qty": quantity,
    } | changes


def asked(*activities: dict[str, Any], cash: str = "1000.00") -> SqlOracle:
    oracle = SqlOracle()
    oracle.open_account("A", cash)
    oracle.take("A", json.dumps(activities).encode())
    return oracle


def test_an_account_that_did_nothing_has_what_it_began_with() -> None:
    oracle = asked()
    assert (oracle.cash("A"), oracle.fees("A"), oracle.holdings("A")) == ("1000", "0", ())


def test_a_long_closed_in_parts_realises_at_its_average_cost() -> None:
    oracle = asked(
        fill(1, "buy", "10", "10.00"),
        fill(2, "buy", "20", "13.00"),  # 30 for 360.00: 12.00 each
        fill(3, "sell", "12", "15.00"),  # + 36.00
        fee(1, "-0.02"),
        fill(4, "sell", "18", "11.50"),  # - 9.00
        fee(2, "-0.03"),
    )
    assert oracle.holdings("A") == (Holding("ALFA", "0", "0", "27"),)
    assert oracle.cash("A") == "1026.95"
    assert oracle.fees("A") == "0.05"


def test_a_short_is_a_negative_quantity_and_cost() -> None:
    oracle = asked(fill(1, "sell_short", "10", "10.00"), fill(2, "buy", "4", "9.00"))
    assert oracle.holdings("A") == (Holding("ALFA", "-6", "-60", "4"),)
    assert oracle.cash("A") == "1064"


def test_one_execution_may_close_and_open_the_other_way() -> None:
    oracle = asked(fill(1, "buy", "10", "10.00"), fill(2, "sell", "15", "12.00"))
    assert oracle.holdings("A") == (Holding("ALFA", "-5", "-60", "20"),)


def test_what_a_part_cost_is_rounded_to_a_billionth_and_the_rest_stays() -> None:
    oracle = asked(fill(1, "buy", "3", "0.333333"), fill(2, "buy", "4", "0.25"), fill(3, "sell", "1", "1"))
    # 1.999999 for 7: one of them cost 0.285714142857…, rounded to 0.285714143
    assert oracle.holdings("A") == (Holding("ALFA", "6", "1.714284857", "0.714285857"),)


def test_coins_and_large_prices_overflow_nothing() -> None:
    oracle = asked(
        fill(1, "buy", "123456.123456789", "999999.999999"),
        fill(2, "sell", "0.000000001", "1000000"),
        cash="200000000000",
    )
    assert Fraction(oracle.cash("A")) == 200_000_000_000 - (
        Fraction("123456.123456789") * Fraction("999999.999999") - Fraction("0.000000001") * 1_000_000
    )


def test_coins_that_are_kept_take_their_part_of_the_cost_where_they_were_bought() -> None:
    oracle = asked(
        fill(1, "buy", "2", "100.00", symbol="BTC/USD"),  # 200.00 for 2, of which 1 % is kept: 198 for 1.98
        fill(2, "buy", "1", "160.00", symbol="BTC/USD"),  # 358.00 for 2.98, of which 0.02 is kept
        kept_coins(1, "0.02", of=1),  # posted late, as at a day's end
        kept_coins(2, "0.02", of=2),
        fill(3, "sell", "2.96", "150.00", symbol="BTC/USD"),
        fee(1, "-4.44") | {"activity_type": "CFEE"},
    )
    # 2.00 of the first, 358 × 0.02 / 2.98 of the second, and 444.00 less the rest of the cost
    assert oracle.holdings("A") == (Holding("BTCUSD", "0", "0", "84"),)
    assert oracle.cash("A") == "1079.56"
    assert oracle.fees("A") == "4.44"


CALL, PUT = "ALFA261120C00010000", "ALFA261120P00012000"


def test_a_price_of_an_option_stands_for_a_hundred_shares() -> None:
    oracle = asked(
        fill(1, "buy", "2", "1.00", symbol=CALL),
        fill(2, "sell", "1", "1.50", symbol=CALL),
        fill(3, "sell", "1", "0.40", symbol=PUT),
    )
    assert oracle.holdings("A") == (Holding(CALL, "1", "100", "50"), Holding(PUT, "-1", "-40", "0"))
    assert oracle.cash("A") == "990"


def test_an_option_ends_for_nothing_and_brings_shares_at_its_strike_or_cash() -> None:
    oracle = asked(
        fill(1, "buy", "1", "0.50", symbol=CALL),
        fill(2, "sell", "1", "0.40", symbol=PUT),
        end(1, "OPEXC", CALL, "-1"),
        end(2, "OPTRD", "ALFA", "100", price="10.00", net_amount="-1000.00"),
        end(3, "OPASN", PUT, "1"),
        end(4, "OPTRD", "ALFA", "-40", price="12.00", net_amount="480.00"),
        end(5, "OPCSH", PUT, "0", net_amount="-100.00"),
        cash="2000.00",
    )
    # 50 paid and 40 received are all that the options were; of 100 shares for 1,000 there are 60 left.
    assert oracle.holdings("A") == (
        Holding("ALFA", "60", "600", "80"),
        Holding(CALL, "0", "0", "-50"),
        Holding(PUT, "0", "0", "40"),
    )
    assert oracle.cash("A") == "1370"
    assert oracle.executions("A") == 2


def test_a_split_leaves_the_cost_with_what_is_held() -> None:
    oracle = asked(fill(1, "buy", "10", "30.00"), split(1, "20", "3 for 1"), fill(2, "sell", "15", "11.00"))
    assert oracle.holdings("A") == (Holding("ALFA", "15", "150", "15"),)
    assert asked(fill(1, "sell", "4", "9.00"), split(1, "2", "1 for 2")).holdings("A") == (
        Holding("ALFA", "-2", "-36", "0"),
    )


def test_what_a_split_leaves_over_is_sold_for_its_cash() -> None:
    oracle = asked(
        fill(1, "buy", "5", "10.00"), split(1, "-3", "1 for 2", "11.00"), fill(2, "buy", "1", "20")
    )
    assert oracle.holdings("A") == (Holding("ALFA", "3", "60", "1"),)  # half a new share had cost 10.00
    assert oracle.cash("A") == "941"
    nothing = asked(fill(1, "buy", "1", "10.00"), split(1, "-1", "1 for 2", "9.50"))
    assert nothing.holdings("A") == (Holding("ALFA", "0", "0", "-0.5"),)


def test_accounts_and_symbols_are_apart() -> None:
    oracle = asked(fill(1, "buy", "1", "10.00"), fill(2, "buy", "2", "5.00", symbol="BRAVO"))
    oracle.open_account("B", "50.00")
    oracle.take("B", json.dumps([fill(3, "buy", "3", "1.00")]).encode())
    assert [holding[:3] for holding in oracle.holdings("A")] == [("ALFA", "1", "10"), ("BRAVO", "2", "10")]
    assert oracle.holdings("B") == (Holding("ALFA", "3", "3", "0"),)
    assert (oracle.cash("A"), oracle.cash("B")) == ("980", "47")


def test_what_was_filled_is_counted_by_order_and_a_repeated_id_is_named() -> None:
    oracle = asked(
        fill(1, "buy", "2", "10.00", order_id="o"),
        fill(2, "buy", "3", "10.00", order_id="o"),
        fill(2, "buy", "3", "10.00", order_id="o"),
    )
    assert oracle.filled("A") == {"o": "8"}
    assert oracle.told_twice("A") == ["e-2"]


@pytest.mark.parametrize("price", (1.5, "1e3", "1.0000001", "x", "", "-", "1.5.2", None))
def test_a_number_that_is_no_exact_text_is_refused(price: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        asked(fill(1, "buy", "1", "1") | {"price": price})


@given(
    st.lists(st.tuples(st.sampled_from(("buy", "sell")), st.integers(1, 9), st.integers(1, 500)), max_size=40)
)
def test_cash_and_cost_and_realised_are_one_sum(trades: list[tuple[str, int, int]]) -> None:
    """Whatever the order of trades: what is not in the cash is in the cost, or was realised."""
    oracle = asked(
        *(fill(place, side, str(lots), str(price)) for place, (side, lots, price) in enumerate(trades))
    )
    held = sum(lots if side == "buy" else -lots for side, lots, _ in trades)
    paid = sum(lots * price if side == "buy" else -lots * price for side, lots, price in trades)
    assert Fraction(oracle.cash("A")) == 1000 - paid
    for _, quantity, cost, realised in oracle.holdings("A"):
        assert Fraction(quantity) == held
        assert Fraction(cost) - Fraction(realised) == paid
        assert (Fraction(cost) > 0) is (held > 0)
        assert (Fraction(cost) < 0) is (held < 0)
