"""The comparisons with the broker as numbers for `/metrics`, read whenever somebody asks."""

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from agenttrader.app.gateway.comparison_views import ComparisonsBody
from agenttrader.model.breaks import BreakKind


class ComparisonMetrics(Collector):
    """`agenttrader_reconciliation_runs_total` and its kin."""

    def __init__(self, read: Callable[[], ComparisonsBody]) -> None:
        self._read = read

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """What is so now. An age that nobody knows is left out: absent means no."""
        found = self._read()
        words = "Comparisons with the broker that the journal has, by what came of them"
        runs = CounterMetricFamily("agenttrader_reconciliation_runs", words, labels=("result",))
        runs.add_metric(("agreed",), found.runs - found.differing - found.failed)
        runs.add_metric(("differed",), found.differing)
        runs.add_metric(("failed",), found.failed)
        yield runs
        words = "Breaks that stand, by kind"
        breaks = GaugeMetricFamily("agenttrader_reconciliation_breaks", words, labels=("kind",))
        for kind in BreakKind:
            breaks.add_metric((kind.value,), found.breaks.get(kind.value, 0))
        yield breaks
        words = "Sessions in a row without mismatch, by the exchange's calendar"
        yield GaugeMetricFamily("agenttrader_reconciliation_clean_days", words, value=found.clean_days)
        if found.age_seconds is not None:
            words = "How old the last comparison is that did not fail, by the market's time"
            yield GaugeMetricFamily("agenttrader_reconciliation_age_seconds", words, value=found.age_seconds)
