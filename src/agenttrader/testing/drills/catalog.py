"""The drills by name, in the order in which all of them are run."""

from collections.abc import Awaitable, Callable
from enum import Enum

from msgspec import Struct

from agenttrader.testing.drills import at_broker, comparing, going_on, prices, two_brokers
from agenttrader.testing.drills.stage import Change, DrillDay


class Group(Enum):
    """What kind of drill it is."""

    CHAOS = "chaos"
    """Something fails while trading, and comes back or not."""
    FAULT = "fault"
    """One fault, and who is told."""


class Drill(Struct, frozen=True):
    """One drill: what it is called, and how it is played."""

    name: str
    group: Group
    play: Callable[[DrillDay], Awaitable[None]]
    change: Change = lambda _: None

    @property
    def about(self) -> str:
        """What is done and what must hold, in a sentence."""
        assert self.play.__doc__, f"expected {self.name} to say what it is about"
        return self.play.__doc__


DRILLS = (
    Drill("order_reconciliation_fetch_failure", Group.CHAOS, comparing.fetch_failure),
    Drill("broker_auth_token_expiry_recovery", Group.CHAOS, at_broker.token_expiry),
    Drill("data_quality_halt_on_critical_errors", Group.CHAOS, prices.bad_prices),
    Drill("quote_staleness_recovery", Group.CHAOS, prices.staleness),
    Drill("slo_alert_failure_tolerance", Group.CHAOS, going_on.unwritten_report),
    Drill("websocket_reconnect_storm_tolerance", Group.CHAOS, at_broker.reconnect_storm),
    Drill("partial_fill_stall_detection", Group.CHAOS, prices.partial_fill_stall, prices.thin_market),
    Drill("crash_recovery_idempotent_replay", Group.CHAOS, going_on.crash),
    Drill("multi_broker_failover_failback", Group.CHAOS, two_brokers.failover),
    Drill("broker_submit_timeout_rejected", Group.FAULT, at_broker.submit_timeout),
    Drill("data_quality_breach_opens_incident", Group.FAULT, prices.breach_is_told),
    Drill("incident_ack_timeout_critical_slo", Group.FAULT, going_on.unanswered_halt),
    Drill("shadow_drift_critical_threshold", Group.FAULT, going_on.drift),
    Drill("order_reconciliation_fetch_failure_health_signal", Group.FAULT, comparing.health_signal),
)
