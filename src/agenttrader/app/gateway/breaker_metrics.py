"""The breakers as numbers for `/metrics`, read whenever somebody asks."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from agenttrader.app.gateway.balance_metrics import BalanceMetrics
from agenttrader.app.gateway.breaker_views import BreakerBody, BreakerState
from agenttrader.gateway.balance import Balance

NUMBERS = {state: number for number, state in enumerate(BreakerState)}
"""What each state is shown as: armed 0, counting 1, warned 2, tripped 3."""


class BreakerMetrics(Collector):
    """`agenttrader_breaker_state` by breaker and scope."""

    def __init__(self, read: Callable[[], Iterable[BreakerBody]]) -> None:
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What is so now."""
        words = "0 armed, 1 counting, 2 warned, 3 tripped until a person resumes"
        gauge = GaugeMetricFamily("agenttrader_breaker_state", words, labels=("breaker", "scope"))
        for each in self._read():
            labels = (each.name.rpartition(":")[2], f"{each.scope.kind.value}:{each.scope.name}")
            gauge.add_metric(labels, NUMBERS[each.state])
        yield gauge


def registry_of(read: Callable[[], Iterable[BreakerBody]], balance: Balance) -> CollectorRegistry:
    """What the gateway shows of itself: its breakers, its orders in and out, and its process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(BreakerMetrics(read))
    registry.register(BalanceMetrics(balance))
    return registry
