"""Each of Alpaca's activities means one thing for a book, or is said to mean nothing that is known."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.adapters.alpaca.activities import activity_of, coin_pair
from agenttrader.model.activities import AccountActivity
from agenttrader.model.activities import ActivityKind as K
from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.protocols.alpaca_trading import ACTIVITY_TYPES, Activity

D = Decimal
DIVIDEND: dict[str, Any] = {
    "activity_type": "DIV",
    "id": "20190801011955195::5f596936-6f23-4cef-bdf1-3806aae57dbf",
    "date": "2019-08-01",
    "net_amount": D("1.02"),
    "symbol": "T",
    "qty": D("2"),
    "per_share_amount": D("0.51"),
}
"""As the page "Account Activities" shows it."""


def meant(**changes: Any) -> AccountActivity:
    return activity_of(Activity(**(DIVIDEND | changes)))


def test_a_dividend_moves_cash_and_no_shares() -> None:
    found = meant(activity_sub_type="CDIV")
    assert found == AccountActivity(
        id=DIVIDEND["id"],
        kind=K.DIVIDEND,
        word="DIV CDIV",
        date="2019-08-01",
        time=Instant(from_rfc3339("2019-08-02T04:00:00Z") - 1),
        amount=D("1.02"),
        symbol="T",  # type: ignore[arg-type]
    )


TREATED = {
    **dict.fromkeys(("FEE", "CFEE"), K.FEE),
    **dict.fromkeys(("DIV", "DIVCGL", "DIVCGS", "DIVNRA", "DIVROC", "DIVTXEX"), K.DIVIDEND),
    "INT": K.INTEREST,
    **dict.fromkeys(("CSD", "CSW", "JNLC"), K.TRANSFER),
    "SPLIT": K.SPLIT,
}


@pytest.mark.parametrize("word", sorted(ACTIVITY_TYPES - {"FILL"} | {"NEWWORD"}))
def test_a_type_has_its_kind_and_all_others_have_none(word: str) -> None:
    assert meant(activity_type=word).kind is TREATED.get(word, K.UNTREATED)


@pytest.mark.parametrize(
    "changes",
    (
        {"status": "canceled"},
        {"status": "pending"},
        {"net_amount": None},
        {"activity_type": "SPLIT", "qty": None},
        {"activity_type": "SPLIT", "symbol": None},
        {"activity_type": "CFEE", "net_amount": None, "qty": None},
    ),
    ids=str,
)
def test_what_was_not_executed_or_lacks_what_it_needs_has_no_treatment(changes: dict[str, Any]) -> None:
    assert meant(**changes).kind is K.UNTREATED


def test_a_split_moves_shares_and_what_a_part_of_one_was_worth() -> None:
    found = meant(activity_type="SPLIT", qty=D(-75), status="executed")
    assert (found.quantity, found.amount, found.symbol) == (D(-75), D("1.02"), "T")


def test_a_split_of_one_share_may_pay_out_a_part_and_change_nothing_else() -> None:
    """Three for two of a single share are one, and half of one in cash."""
    found = meant(activity_type="SPLIT", qty=D(0))
    assert (found.kind, found.quantity, found.amount) == (K.SPLIT, D(0), D("1.02"))
    assert meant(activity_type="SPLIT", qty=D(0), net_amount=D(0)).kind is K.UNTREATED


def test_coins_that_were_kept_have_the_name_of_their_orders() -> None:
    found = meant(activity_type="CFEE", net_amount=D(0), qty=D("-0.0025"), symbol="BTCUSD")
    assert (found.kind, found.quantity, found.symbol) == (K.COIN_FEE, D("-0.0025"), "BTC/USD")


@pytest.mark.parametrize(
    ("name", "pair"),
    (
        ("BTCUSD", "BTC/USD"),
        ("ETHUSDT", "ETH/USDT"),
        ("ETHUSDC", "ETH/USDC"),
        ("ETHBTC", "ETH/BTC"),
        ("BTC/USD", "BTC/USD"),
        ("USD", "USD"),
        ("DOGE", "DOGE"),
    ),
)
def test_a_pair_is_named_as_its_orders_name_it(name: str, pair: str) -> None:
    assert coin_pair(name) == pair


@pytest.mark.parametrize(
    ("changes", "until"),
    (
        # A late fee, posted after midnight in UTC: the day in New York is not over.
        ({"date": "2026-11-20", "created_at": "2026-11-21T01:00:00Z"}, "2026-11-21T01:00:00Z"),
        # One that is posted days later counts for its day alone.
        ({"date": "2026-11-20", "created_at": "2026-11-24T01:00:00Z"}, "2026-11-21T04:59:59.999999999Z"),
        ({"date": None, "created_at": "2026-11-21T01:00:00Z"}, "2026-11-21T01:00:00Z"),
        # Daylight saving time ends: the day has 25 hours.
        ({"date": "2026-11-01"}, "2026-11-02T04:59:59.999999999Z"),
    ),
)
def test_an_activity_counts_to_its_time_or_its_days_end_in_new_york(
    changes: dict[str, Any], until: str
) -> None:
    found = meant(**changes)
    assert (found.date, found.time) == (changes["date"] or "2026-11-20", from_rfc3339(until))


@pytest.mark.parametrize(
    "changes",
    ({"date": None}, {"date": "yesterday"}, {"created_at": "noon"}, {"net_amount": D("NaN")}),
    ids=str,
)
def test_an_activity_without_a_day_or_a_number_cannot_be_read(changes: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        meant(**changes)
