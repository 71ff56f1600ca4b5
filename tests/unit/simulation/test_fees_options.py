"""What a fill of contracts costs: so much for each of them, and the SEC's part of a sale."""

from decimal import Decimal

from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.fees import Fee, FeeSchedule, option_dues, rounded
from agenttrader.simulation.inputs import FeePosted
from agenttrader.simulation.listings import CENT, option_listing
from agenttrader.testing.option_stage import OptionStage, call

CALL = option_listing(
    OptionContract(underlying="ABC", expiration="2026-11-20", strike=Decimal(100), right=Right.CALL)
)
RATES = FeeSchedule(
    sec_rate=Decimal("0.0000278"),
    taf_rate=Decimal("0.000166"),
    taf_cap=Decimal("8.30"),
    option_orf_rate=Decimal("0.02905"),
    option_occ_rate=Decimal("0.02"),
    option_occ_cap=Decimal(55),
)


def test_both_ways_pay_by_the_contract_and_a_sale_by_its_amount() -> None:
    price = CALL.order_units(Decimal(2), "price")
    bought = rounded(option_dues(RATES, CALL, 10, price, sells=False))
    assert bought == (Fee("ORF", 30 * CENT), Fee("OCC", 20 * CENT))
    sold = rounded(option_dues(RATES, CALL, 10, price, sells=True))
    assert sold == (*bought, Fee("REG", 6 * CENT))  # 2,000 at 0.0000278 is 0.0556


def test_the_clearing_house_takes_no_more_than_its_cap() -> None:
    for contracts, dollars in ((2_750, 55), (2_751, 55), (2_700, 54)):
        dues = {due.name: due for due in option_dues(RATES, CALL, contracts, 1, sells=False)}
        assert rounded((dues["OCC"],)) == (Fee("OCC", dollars * 100 * CENT),)


def test_the_audit_trail_counts_shares_and_finra_contracts_that_are_sold() -> None:
    rates = FeeSchedule(
        sec_rate=Decimal(0),
        taf_rate=Decimal("0.000166"),
        taf_cap=Decimal("8.30"),
        cat_rate=Decimal("0.000046"),
        option_taf_rate=Decimal("0.00279"),
    )
    bought = rounded(option_dues(rates, CALL, 10, 1, sells=False))
    assert bought == (Fee("CAT", 5 * CENT),)  # 1,000 shares at 0.000046 are 0.046
    assert rounded(option_dues(rates, CALL, 10, 1, sells=True)) == (*bought, Fee("TAF", 3 * CENT))


def test_a_fill_is_charged_and_posted() -> None:
    stage = OptionStage(fees=RATES)
    stage.ask(10, call(100), "2.00")
    stage.quote(call(100), "1.90", "2.00")
    fees = [each for each in stage.exchange.activities["a"] if isinstance(each, FeePosted)]
    assert [(each.name, each.femtos) for each in fees] == [("ORF", 30 * CENT), ("OCC", 20 * CENT)]
    assert stage.cash() == 18_000 - Decimal("0.50")
