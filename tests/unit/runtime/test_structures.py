"""What of our book is a spread or a bracket, and since when it is out of shape."""

from decimal import Decimal

from agenttrader.model.breaks import Break, BreakKind, StructureKind
from agenttrader.model.identifiers import BrokerOrderId, ClientOrderId, OrderId, Symbol
from agenttrader.model.orders import ExitPlan, Leg, Role, Side
from agenttrader.model.reports import ReportedLeg, ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.reconciliation.structure import Grace
from agenttrader.runtime.inputs import Reported
from agenttrader.runtime.structures import broken_structures
from agenttrader.testing.builders import ALFA, BRAVO, at, execution, proposal, report
from agenttrader.testing.driver import Driver, trading

D = Decimal
GRACE = Grace(opening_seconds=120, later_seconds=900)
LATER = Instant(at(1) + 60 * MINUTE)


def spread(driver: Driver, number: int = 1) -> OrderId:
    """Ten of a spread, one ALFA against two BRAVO, accepted."""
    plan = ExitPlan(stop=D(-120), target=D(-50))
    made = proposal(number, legs=(Leg(ALFA), Leg(BRAVO, -2)), decision_price=D(-100), exit_plan=plan)
    driver.propose(made)
    legs = tuple(
        ReportedLeg(
            broker_order_id=BrokerOrderId(f"b-{symbol}-{number}"),
            client_order_id=ClientOrderId(f"c-{symbol}-{number}"),
            limit_price=None,
            stop_price=None,
            symbol=symbol,
        )
        for symbol in (ALFA, BRAVO)
    )
    driver.report(ReportKind.ACCEPTED, made.id, legs=legs)
    return made.id


def fill(driver: Driver, symbol: Symbol, side: Side, quantity: int, number: int = 1) -> None:
    made = execution(f"{symbol}-{number}-{quantity}", symbol=symbol, side=side, quantity=D(quantity))
    name = BrokerOrderId(f"b-{symbol}-{number}")
    driver.give(
        Reported(report(ReportKind.FILLED, f"c-{symbol}-{number}", broker_order_id=name, execution=made))
    )


def broken(driver: Driver, now: Instant = LATER) -> tuple[Break, ...]:
    return broken_structures(driver.engine.state.book, GRACE, now)


def test_a_spread_whose_other_leg_never_filled_is_a_break_after_the_grace_of_its_opening() -> None:
    driver = trading()
    order = spread(driver)
    fill(driver, ALFA, Side.BUY, 10)
    assert broken(driver, Instant(driver.now + 2 * MINUTE)) == ()
    (found,) = broken(driver, Instant(driver.now + 2 * MINUTE + 1))
    assert (found.kind, found.ours) == (BreakKind.STRUCTURE, StructureKind.LEG_MISSING.value)
    assert (found.symbol, found.order_id, found.theirs) == (BRAVO, order, "0 of -20")
    fill(driver, BRAVO, Side.SELL, 20)
    assert broken(driver) == ()


def test_a_whole_spread_and_a_plain_bracket_are_no_breaks() -> None:
    driver = trading()
    spread(driver)
    fill(driver, ALFA, Side.BUY, 4)
    fill(driver, BRAVO, Side.SELL, 8)
    assert broken(driver) == ()
    plain = trading()
    plain.enter()
    assert broken(plain) == ()


def test_a_leg_into_which_another_entry_came_is_not_judged() -> None:
    driver = trading()
    spread(driver)
    fill(driver, ALFA, Side.BUY, 10)
    driver.enter(2)
    assert broken(driver) == ()


def test_protection_that_outlives_its_position_is_a_break() -> None:
    driver = trading()
    entry = driver.enter()
    stop = next(leg for leg in entry.protection if leg.role is Role.STOP)
    driver.fill(stop.id, "stopped", 10, 95)
    assert broken(driver, Instant(driver.now + 15 * MINUTE)) == ()
    (found,) = broken(driver)
    assert (found.ours, found.symbol, found.theirs) == (StructureKind.LEG_EXCEEDS.value, ALFA, "10 of 0")
    target = next(leg for leg in entry.protection if leg.role is Role.TARGET)
    driver.report(ReportKind.CANCELED, target.id)
    assert broken(driver) == ()
