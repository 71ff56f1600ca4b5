"""That an entry waits for a person, told to whoever watches: a log line, numbers, and a line for the board.

A person who is not told approves nothing, and the entry's time runs out.
"""

from collections.abc import Callable, Iterable, Sequence

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from agenttrader.app.gateway.approval_views import first_end
from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven, ApprovalRefused
from agenttrader.model.events import Event
from agenttrader.model.records import Recorded
from agenttrader.model.times import SECOND, Instant, rfc3339
from agenttrader.runtime.engine import Engine

logger = structlog.get_logger()


def tell_of_approvals(recorded: Sequence[Recorded[Event]]) -> None:
    """Log what was asked of persons, as a warning, and what they said."""
    for record in recorded:
        match record.event:
            case ApprovalAsked(shown=shown):
                logger.warning(
                    "approval_asked",
                    order_id=shown.proposal.id,
                    agent=shown.proposal.agent,
                    side=shown.proposal.side.value,
                    quantity=f"{shown.proposal.quantity:f}",
                    symbols=[leg.symbol for leg in shown.proposal.legs],
                    until=rfc3339(shown.expires),
                    persons_needed=shown.terms.persons_needed,
                    correlation_id=shown.proposal.correlation_id,
                    then="agenttrader approvals list",
                )
            case (
                ApprovalGiven(order_id=order_id, signed=signed)
                | ApprovalRefused(order_id=order_id, signed=signed)
            ):
                word = "approval_given" if isinstance(record.event, ApprovalGiven) else "approval_refused"
                logger.info(word, order_id=order_id, person=signed.statement.person)
            case _:
                pass


class WaitingMetrics(Collector):
    """`agenttrader_approvals_waiting`, and how many seconds the one has left that ends first."""

    def __init__(self, engine: Callable[[], Engine], now: Callable[[], Instant | None]) -> None:
        self._engine = engine
        self._now = now

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What is so now. The seconds are the market's, and there only while something waits."""
        engine, now = self._engine(), self._now()
        words = "Entries that wait for a person"
        yield GaugeMetricFamily(
            "agenttrader_approvals_waiting", words, value=len(engine.state.approvals.waiting)
        )
        end = first_end(engine)
        if end is not None and now is not None:
            words = "What is left of the time of the one that ends first"
            left = max(0, end - now) // SECOND
            yield GaugeMetricFamily("agenttrader_approvals_seconds_left", words, value=left)
