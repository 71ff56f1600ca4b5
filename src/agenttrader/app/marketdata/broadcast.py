"""Market data told to many: each gets every event once, in order, at its own pace, from where it asks.

The events lie in one list; a subscriber is a place in it. So a slow or dead subscriber costs the others
nothing: one that falls too far behind what is new is told that it is lagging, and ended by whoever serves it.
"""

import asyncio
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from agenttrader.app.marketdata.history import History
from agenttrader.model.errors import BadValue
from agenttrader.model.market import Bar, Told, known_at, symbol_of
from agenttrader.model.times import Instant, rfc3339
from agenttrader.protocols.alpaca_data import EVERY, channel_of

LAG_MAX = 40_000
"""New events that may wait for one subscriber; a minute of six symbols is about seventy."""
HISTORY_MAX = 400_000
"""Events that are kept for who asks for the past: a day of about ninety symbols."""
BATCH_MAX = 500
"""Events in one frame."""


class Lagging(Exception):
    """The subscriber does not keep up and gets no more; it may come back with `since`."""


class Wanted(Struct, frozen=True):
    """What a subscriber wants to hear: symbols by channel, where `*` is every symbol; and watermarks."""

    channels: Mapping[str, frozenset[str]] = msgspec.field(default_factory=dict)
    watermarks: bool = False

    def includes(self, told: Told) -> bool:
        """Whether it is among it."""
        channel, symbol = channel_of(told), symbol_of(told)
        if channel is None or symbol is None:
            return self.watermarks
        symbols = self.channels.get(channel, frozenset())
        return symbol in symbols or EVERY in symbols


class Broadcast:
    """What has been told so far, what is known of it, and who listens. Sizes count events."""

    def __init__(self, *, lag_max: int = LAG_MAX, history_max: int = HISTORY_MAX) -> None:
        self.lag_max = lag_max
        self.history = History()
        self.last_tick: Instant | None = None
        """The latest data time of a bar."""
        self._history_max = history_max
        self._events: list[Told] = []
        self._dropped = 0
        self._dropped_to: Instant | None = None
        self._subscribers: set[Subscriber] = set()

    @property
    def told(self) -> int:
        """How many events have been told since the start."""
        return self._dropped + len(self._events)

    @property
    def watermark(self) -> Instant | None:
        """How far everything has been told; None before that."""
        return self.history.watermark

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return len(self._subscribers)

    def publish(self, event: Told) -> None:
        """Tell everybody."""
        if isinstance(event, Bar):
            self.last_tick = max(event.end, self.last_tick or event.end)
        self.history.take(event)
        self._events.append(event)
        if len(self._events) > self._history_max:
            self._drop(self._history_max // 10 + 1)
        for subscriber in self._subscribers:
            subscriber.wake(self.told)

    def subscribe(self, since: Instant | None) -> "Subscriber":
        """A new subscriber: from now on, or first everything with a data time after `since`.

        Raises BadValue where that is no longer kept.
        """
        if since is not None and self._dropped_to is not None and since < self._dropped_to:
            raise BadValue(
                f"since: expected {rfc3339(self._dropped_to)} or later, for older data is not kept, "
                f"found {rfc3339(since)}"
            )
        subscriber = Subscriber(self, self.told if since is None else self._dropped, since)
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: "Subscriber") -> None:
        """Forget a subscriber that has gone."""
        self._subscribers.discard(subscriber)

    def between(self, start: int, end: int) -> Iterable[Told]:
        """The events from number `start` to before `end`. Raises Lagging where they are not kept."""
        if start < self._dropped:
            raise Lagging
        return self._events[start - self._dropped : end - self._dropped]

    def _drop(self, count: int) -> None:
        latest = max(map(known_at, self._events[:count]))
        self._dropped_to = max(latest, self._dropped_to or latest)
        self._dropped += count
        del self._events[:count]


class Subscriber:
    """A place in the broadcast, and what is wanted from there on."""

    def __init__(self, broadcast: Broadcast, position: int, since: Instant | None) -> None:
        self.wanted = Wanted()
        self.lagging = asyncio.Event()
        self._broadcast = broadcast
        self._position = position
        self._history_end = broadcast.told
        self._since = since
        self._news = asyncio.Event()

    def wake(self, told: int) -> None:
        """There is news. The past that was asked for does not count as lag."""
        if told - max(self._position, self._history_end) > self._broadcast.lag_max:
            self.lagging.set()
        self._news.set()

    async def next(self) -> list[Told]:
        """The next events that are wanted, one or more; waits for them. Raises Lagging."""
        while True:
            self._news.clear()
            end = min(self._broadcast.told, self._position + BATCH_MAX)
            if self.lagging.is_set():
                raise Lagging
            found = [event for event in self._broadcast.between(self._position, end) if self._wants(event)]
            self._position = end
            if found:
                return found
            if end == self._broadcast.told:
                await self._news.wait()

    def _wants(self, event: Told) -> bool:
        return self.wanted.includes(event) and (self._since is None or known_at(event) > self._since)
