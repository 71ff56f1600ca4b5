"""How many messages have left for the broker on an agent's word: orders, replacements, and its cancels.

The broker permits an account so many a minute, and what one agent uses up the others, and what protects, may
have to wait for. So the check `message_rate` holds entries and replacements to a limit, and cancels of the
agent's own beyond it are refused for a while: the order that stays has its stop, and a person, the exits unit
and the window's end cancel all the same. What leaves a position is counted and never kept.
"""

from collections import deque

from agenttrader.model.events import CancelRequested
from agenttrader.model.identifiers import AgentName
from agenttrader.model.times import MINUTE, Instant
from agenttrader.portfolio.orders import Order


class Messages:
    """When each agent's left, as the journal has it."""

    def __init__(self) -> None:
        self._times: dict[AgentName, deque[Instant]] = {}

    def note(self, agent: AgentName, time: Instant) -> None:
        """One of the agent's left."""
        times = self._times.get(agent)
        if times is None:
            times = self._times[agent] = deque()
        times.append(time)

    def note_cancel(self, asked: CancelRequested, order: Order, time: Instant) -> None:
        """A cancel left; it is the agent's where it asked for it."""
        if asked.by == order.agent:
            self.note(order.agent, time)

    def forget(self, agent: AgentName) -> None:
        """Take back the agent's last one, which was only tried."""
        times = self._times[agent]
        times.pop()
        if not times:
            del self._times[agent]

    def last_minute(self, agent: AgentName, now: Instant) -> int:
        """How many in the minute before `now`."""
        times = self._times.get(agent)
        if not times:
            return 0
        since = now - MINUTE
        while times and times[0] <= since:
            times.popleft()
        if not times:
            del self._times[agent]
        return len(times)
