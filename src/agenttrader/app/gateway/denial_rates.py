"""How often an agent may be denied: a bot that loops fills neither the disk nor the memory.

Each denial is a record with all that it was decided on. An agent that was denied so often within a minute is
not listened to for what would be one more, until the minute is over: nothing of it is decided, or recorded.
Entries and what takes from positions are counted apart, so that a loop of the one keeps none of the other in.
The exits unit is always listened to: many positions may be frozen at once, and it waits longer each time.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from agenttrader.model.decisions import Verdict
from agenttrader.model.errors import AskedTooOften
from agenttrader.model.events import Decided, Event
from agenttrader.model.identifiers import AgentName
from agenttrader.model.orders import Effect
from agenttrader.model.records import Recorded
from agenttrader.runtime.session import Session

DENIALS_PER_MINUTE_MAX = 300
"""Five a second, for as long as one likes; our own rule."""
MINUTE_SECONDS = 60.0


class DenialRates:
    """When each agent was denied lately, as one session has it on record."""

    def __init__(self, session: Session) -> None:
        denied_seconds: dict[tuple[AgentName, bool], deque[float]] = {}
        self._denied_seconds = denied_seconds
        self._session = session
        session.listeners.append(self._recorded)

    def expect_room(self, agent: AgentName, *, adds_risk: bool) -> None:
        """Raises AskedTooOften where the agent was denied too often to be listened to now."""
        times = self._denied_seconds.get((agent, adds_risk))
        if times is None or len(times) < DENIALS_PER_MINUTE_MAX:
            return
        left = times[0] + MINUTE_SECONDS - asyncio.get_running_loop().time()
        if left > 0:
            raise AskedTooOften(
                f"expected at most {DENIALS_PER_MINUTE_MAX} denials of {agent} in a minute, found as many: "
                f"this was not looked at. See why the others were denied, and come back in {left:.0f} s"
            )

    def _recorded(self, recorded: Sequence[Recorded[Event]]) -> None:
        for each in recorded:
            event = each.event
            if isinstance(event, Decided) and event.decision.verdict is Verdict.DENIED:
                agent = event.proposal.agent
                if self._session.engine.rules.only_reduces(agent):
                    continue
                key = agent, event.proposal.effect is Effect.OPEN
                # The oldest of a full one is not needed: that many came after it.
                times = self._denied_seconds.setdefault(key, deque(maxlen=DENIALS_PER_MINUTE_MAX))
                times.append(asyncio.get_running_loop().time())
