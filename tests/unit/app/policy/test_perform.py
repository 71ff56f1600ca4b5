"""A run's journal is read whole: its decisions are counted, and what they earned."""

from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.adapters.journal_reader import span_of
from agenttrader.app.config import Configuration
from agenttrader.app.policy.perform import Replayed, replay
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.orders import Role
from agenttrader.model.reports import ReportKind
from agenttrader.runtime.inputs import MarketSeen, TimeReached
from agenttrader.testing.builders import ALFA, at, bar, proposal
from agenttrader.testing.driver import Driver
from agenttrader.testing.recorded_run import configured, keep, trading_by

D = Decimal
TIGHT = '[limits.account]\ndaily_orders_max = 1\n[limits.symbol.ALFA]\norder_quantity_max = "5"\n'


def one_round_trip_and_one_that_is_open(driver: Driver) -> None:
    entry = driver.enter(1)
    driver.give(MarketSeen(bar(2, 104, ALFA)), TimeReached(at(2)))
    (target,) = [leg for leg in entry.protection if leg.role is Role.TARGET]
    driver.fill(target.id, "target", 10, 110)
    (stop,) = [leg for leg in entry.protection if leg.role is Role.STOP]
    driver.report(ReportKind.CANCELED, stop.id)
    driver.enter(2, quantity=D(4))
    driver.propose(proposal(3, quantity=D(500)))


@pytest.fixture
def run(tmp_path: Path) -> Configuration:
    """A run in which an entry made 100, another is held, and a third was denied."""
    configuration = configured(tmp_path)
    driver = trading_by(configuration)
    one_round_trip_and_one_that_is_open(driver)
    keep(configuration, driver)
    return configuration


def replayed(run: Configuration, limits: str = "") -> Replayed:
    file = run.folder / "asked.toml"
    file.write_text(limits)
    return replay(run.folder / "run.toml", file if limits else None, lambda _done, _of: None)


def test_by_the_limits_that_ruled_nothing_changes(run: Configuration) -> None:
    found = replayed(run)
    assert (found.findings.decisions, found.findings.same, found.findings.changes) == (3, 3, False)
    assert found.wanted is None
    assert found.trips == ()


def test_what_would_have_been_denied_is_told_with_what_it_earned(run: Configuration) -> None:
    found = replayed(run, TIGHT)
    findings, earned = found.findings, found.earned
    assert [(each.order_id, each.was, each.now) for each in findings.denied] == [
        (proposal(1).id, "approved", "order_quantity"),
        (proposal(2).id, "approved", "daily_orders_account"),
    ]
    assert findings.codes() == {"daily_orders_account": (1, 0), "order_quantity": (1, 0)}
    assert (findings.same, findings.changes) == (1, True)
    (trip,) = found.trips
    assert (trip.denied, trip.kept, len(trip.others)) == ((proposal(1).id,), (), 1)
    assert D(99) < trip.net < D(100)  # less the fees of the sale
    assert (earned.whole_trips, earned.whole_net, earned.part_trips) == (1, trip.net, 0)
    assert (earned.open_orders, earned.unfilled_orders) == (1, 0)


def test_what_was_denied_and_would_be_approved_is_told_without_a_profit(run: Configuration) -> None:
    wide = '[limits.symbol.ALFA]\norder_quantity_max = "500"\nposition_quantity_max = "600"\n'
    wider = '[limits.account]\nconcentration_fraction_max = "1"\n' + wide
    found = replayed(run, wider + 'order_notional_max = "90000"\n')
    assert [(each.was, each.now) for each in found.findings.approved] == [("order_quantity", "approved")]
    assert found.findings.codes() == {"order_quantity": (0, 1)}
    assert (found.findings.denied, found.trips) == ([], ())
    assert replayed(run, wide).findings.otherwise[0].now == "order_notional"


def test_a_group_that_there_was_not_can_be_asked_about(run: Configuration) -> None:
    group = """
        [limits.group.two]
        symbols = ["ALFA", "CHRL"]
        gross_exposure_max = "999"
        net_exposure_max = "90000"
        daily_orders_max = 100
        daily_new_risk_max = "90000"
    """
    findings = replayed(run, group).findings
    assert [(each.was, each.now) for each in findings.denied] == [("approved", "gross_exposure_group")]
    assert findings.denied[0].order_id == proposal(1).id  # the second, of 4 units, fits


def test_a_run_that_has_decided_nothing_is_told(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    with pytest.raises(ConfigurationError, match="expected a journal, found none"):
        replayed(configuration)


def test_the_journals_span(run: Configuration, tmp_path: Path) -> None:
    (journal,) = tmp_path.rglob("*.journal")
    span = span_of(journal)
    assert span is not None
    source = replayed(run).source
    assert (source.records, source.first, source.last) == tuple(span)
    assert span.first < span.last == at(2)
