"""Items in the order of their times, looked up by interval, page by page, in either direction."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, rfc3339

Item = TypeVar("Item")

SERIES_MAX = 200_000
"""Items that one series keeps; the oldest tenth goes when there are more."""


class Place(NamedTuple):
    """Where an item lies: its time, and its number among those of the same time."""

    time: Instant
    ordinal: int


class Series(Generic[Item]):
    """What is known, by time. Items of one time keep the order in which they were added."""

    def __init__(self, items: Iterable[tuple[Instant, Item]] = (), *, size_max: int = SERIES_MAX) -> None:
        self._times: list[Instant] = []
        self._items: list[Item] = []
        self._size_max = size_max
        self._dropped_to: Instant | None = None
        for time, item in items:
            self.add(time, item)

    @property
    def latest(self) -> Item | None:
        """The last item; None where there is none."""
        return self._items[-1] if self._items else None

    def add(self, time: Instant, item: Item) -> None:
        """One more item; nearly always the latest."""
        position = bisect_right(self._times, time)
        self._times.insert(position, time)
        self._items.insert(position, item)
        if len(self._times) > self._size_max:
            self._drop(self._size_max // 10 + 1)

    def put(self, time: Instant, item: Item) -> None:
        """The item in place of what lies at its time, or one more."""
        position = bisect_left(self._times, time)
        if position < len(self._times) and self._times[position] == time:
            self._items[position] = item
        else:
            self.add(time, item)

    def all(self) -> list[Item]:
        """All that is kept, in order."""
        return list(self._items)

    def between(self, start: Instant, end: Instant) -> list[Item]:
        """All items from `start` to and with `end`. Raises BadValue where some are no longer kept."""
        first, after = self._bounds(start, end)
        return self._items[first:after]

    def page(
        self, start: Instant, end: Instant, *, count: int, beyond: Place | None, descending: bool
    ) -> list[tuple[Place, Item]]:
        """At most `count` items of the interval, beyond a place of the page before.

        Raises BadValue where some of the interval are no longer kept.
        """
        first, after = self._bounds(start, end)
        if descending:
            if beyond is not None:
                after = min(after, self._position(beyond))
            positions = range(after - 1, max(first, after - count) - 1, -1)
        else:
            if beyond is not None:
                first = max(first, self._position(beyond) + 1)
            positions = range(first, min(after, first + count))
        return [(self._place(position), self._items[position]) for position in positions]

    def _bounds(self, start: Instant, end: Instant) -> tuple[int, int]:
        if self._dropped_to is not None and start <= self._dropped_to:
            raise BadValue(
                f"start: expected a time after {rfc3339(self._dropped_to)}, for older data is not kept here"
            )
        return bisect_left(self._times, start), bisect_right(self._times, end)

    def _position(self, place: Place) -> int:
        return bisect_left(self._times, place.time) + place.ordinal

    def _place(self, position: int) -> Place:
        time = self._times[position]
        return Place(time, position - bisect_left(self._times, time))

    def _drop(self, count: int) -> None:
        # Whole times only: what remains of one would be numbered anew.
        end = bisect_right(self._times, self._times[count - 1])
        self._dropped_to = self._times[end - 1]
        del self._times[:end], self._items[:end]
