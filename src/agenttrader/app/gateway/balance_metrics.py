"""Orders in and orders out as numbers for `/metrics`: the dispatcher's account, read when somebody asks."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from agenttrader.gateway.balance import Balance


class BalanceMetrics(Collector):
    """`agenttrader_orders_approved_total` and `agenttrader_orders_sent_total`, by symbol."""

    def __init__(self, balance: Balance) -> None:
        self._balance = balance

    def collect(self) -> Iterable[CounterMetricFamily]:
        """What is so now. An order of several legs counts in each symbol."""
        for name, words, tallies in (
            ("approved", "Approvals on record since the process began", self._balance.approved),
            ("sent", "Orders that were handed to the broker's connection since then", self._balance.left),
        ):
            counter = CounterMetricFamily(f"agenttrader_orders_{name}", words, labels=("symbol",))
            for symbol, tally in sorted(tallies.items()):
                counter.add_metric((symbol,), tally.orders)
            yield counter
