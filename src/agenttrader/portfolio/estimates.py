"""Fees that we reckoned at the fill and that the broker has not posted yet.

A broker may take the fees of a day as one sum, after it. Until then our estimate of each fill counts against
cash; what the broker posts then stands in the place of the estimates of all fills up to that time.
"""

from decimal import Decimal

from agenttrader.model.events import Filled
from agenttrader.model.identifiers import ExecutionId
from agenttrader.model.times import INSTANT_MIN, Instant
from agenttrader.model.values import ZERO


class FeeEstimates:
    """The estimates that still stand. `total` is their sum."""

    def __init__(self) -> None:
        self.total = ZERO
        self._posted_until = INSTANT_MIN
        self._standing: dict[ExecutionId, tuple[Instant, Decimal]] = {}

    def add(self, fill: Filled) -> Decimal:
        """The fee to count for a fill: its estimate, or nothing where its time's fees are posted already."""
        if not fill.fee or fill.time <= self._posted_until:
            return ZERO
        self._standing[fill.execution_id] = fill.time, fill.fee
        self.total += fill.fee
        return fill.fee

    def drop(self, execution_id: ExecutionId) -> Decimal:
        """The estimate that stood for a fill which was taken back; what the broker has posted stays."""
        _, fee = self._standing.pop(execution_id, (INSTANT_MIN, ZERO))
        self.total -= fee
        return fee

    def settle(self, until: Instant) -> Decimal:
        """The sum of the estimates of fills up to `until`, which do not stand any more."""
        self._posted_until = max(self._posted_until, until)
        before = self.total
        self._standing = {name: each for name, each in self._standing.items() if each[0] > until}
        self.total = sum((fee for _, fee in self._standing.values()), ZERO)
        return before - self.total
