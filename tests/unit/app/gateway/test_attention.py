"""Whoever watches is told that an entry waits for a person, and until when."""

import structlog
from prometheus_client import CollectorRegistry, generate_latest

from agenttrader.app.gateway.approval_views import first_end
from agenttrader.app.gateway.attention import WaitingMetrics, tell_of_approvals
from agenttrader.model.authority import Act
from agenttrader.model.records import Recorded
from agenttrader.model.times import SECOND, Instant
from agenttrader.testing.approving import ANN, BEN, TERMS, asking, held, waits, word
from agenttrader.testing.builders import at
from agenttrader.testing.driver import Driver


def metrics(driver: Driver, now: Instant) -> list[str]:
    registry = CollectorRegistry()
    registry.register(WaitingMetrics(lambda: driver.engine, lambda: now))
    return [line for line in generate_latest(registry).decode().splitlines() if line[0] != "#"]


def test_what_waits_is_counted_with_the_time_that_the_first_has_left() -> None:
    driver = asking()
    assert metrics(driver, at(1)) == ["agenttrader_approvals_waiting 0.0"]
    assert first_end(driver.engine) is None
    held(driver)
    over = Instant(at(1) + TERMS.expiry_seconds * SECOND)
    assert first_end(driver.engine) == over
    assert metrics(driver, Instant(over - 90 * SECOND)) == [
        "agenttrader_approvals_waiting 1.0",
        "agenttrader_approvals_seconds_left 90.0",
    ]
    assert metrics(driver, Instant(over + SECOND))[1] == "agenttrader_approvals_seconds_left 0.0"


def test_asking_is_a_warning_that_says_what_to_do() -> None:
    driver = asking()
    entry = held(driver)
    with structlog.testing.capture_logs() as logs:
        tell_of_approvals([Recorded(each) for each in driver.records])
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("approval_asked", "warning")
    assert (line["order_id"], line["agent"], line["symbols"]) == (entry.id, entry.agent, ["ALFA"])
    assert (line["until"], line["persons_needed"]) == ("2026-11-20T14:36:00Z", 1)
    assert line["then"] == "agenttrader approvals list"


def test_what_persons_said_is_told_with_their_names() -> None:
    driver = asking()
    for number, person, act in ((1, ANN, Act.APPROVE_ORDER), (2, BEN, Act.DENY_ORDER)):
        entry = held(driver, number)
        driver.hear(word(waits(driver, entry).asked.digest, person, act))
    with structlog.testing.capture_logs() as logs:
        tell_of_approvals([Recorded(each) for each in driver.records])
    said = [(line["event"], line.get("person")) for line in logs]
    assert said == [
        ("approval_asked", None),
        ("approval_given", "ann"),
        ("approval_asked", None),
        ("approval_refused", "ben"),
    ]
