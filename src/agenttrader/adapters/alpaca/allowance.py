"""How many requests a broker takes, kept to ahead of time, so that what reduces risk never finds it spent.

Alpaca documents 200 requests a minute, and tells in its answers' headers how many are left until when
(docs.alpaca.markets, "Rate Limits"; its support page "Usage limit of API calls"). Here no more than that
leave in any minute, whichever minute is counted; where the broker says that fewer are left, because somebody
else asks with the same key, it is believed. Of the whole a part is kept for questions and what is urgent, and
another for what is urgent alone. After a 429 nothing leaves until its `Retry-After`, else until the count
begins anew, else for some seconds. Each of these ends; a header that is not believable moves nothing.
"""

from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus

REQUESTS_PER_MINUTE_MAX = 200
"""What Alpaca documents. A lower `X-RateLimit-Limit` lowers it, a higher one does not raise it."""
WINDOW_SECONDS = 60.0
PAUSE_SECONDS = 5.0
"""After a 429 that does not say for how long. Our own rule."""
PAUSE_SECONDS_MAX = 300.0
"""The longest that a 429 is believed for: then it is tried again."""


class Urgency(Enum):
    """What a request is for, by the per cent of the whole that it has to leave to others."""

    URGENT = 0
    """Cancels, and orders that reduce."""
    QUESTION = 10
    """What the account holds, and what became of an order."""
    ENTRY = 25
    """What adds risk: it can wait, and nothing is lost if it does not leave."""


class Allowance:
    """The count of one key. `per_minute` None is no limit; `elapsed_seconds` never goes back."""

    _taken_at_seconds: deque[float]
    """When each of the last minute's was taken."""

    def __init__(self, per_minute: int | None, elapsed_seconds: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._elapsed_seconds = elapsed_seconds
        self._taken_at_seconds = deque()
        self._under_way = 0
        self._left, self._left_until = 0, 0.0
        """How many the broker says are left, and until when that holds."""
        self._closed_until = 0.0

    def wait_seconds(self, urgency: Urgency) -> float:
        """How long until such a request may leave, as far as is known now; 0 where it may at once."""
        if self._per_minute is None:
            return 0.0
        now = self._elapsed_seconds()
        while self._taken_at_seconds and self._taken_at_seconds[0] + WINDOW_SECONDS <= now:
            self._taken_at_seconds.popleft()
        kept = self._per_minute * urgency.value // 100
        free_at = self._closed_until
        excess = len(self._taken_at_seconds) - (self._per_minute - kept)
        if excess >= 0:
            free_at = max(free_at, self._taken_at_seconds[excess] + WINDOW_SECONDS)
        if self._left <= kept:
            free_at = max(free_at, self._left_until)
        return max(free_at - now, 0.0)

    def take(self) -> None:
        """Count a request that leaves."""
        if self._per_minute is not None:
            self._taken_at_seconds.append(self._elapsed_seconds())
            self._left -= 1

    def begin(self) -> None:
        """A request is under way: the broker may not have counted it yet."""
        self._under_way += 1

    def end(self) -> None:
        """It is over, however."""
        self._under_way -= 1

    def hear(self, status: int, headers: Mapping[str, str]) -> None:
        """Take in what the answer to a request, still under way, says of the rest."""
        if self._per_minute is None:
            return
        now, reset = self._elapsed_seconds(), _reset_seconds(headers)
        limit, left = _number(headers, "X-RateLimit-Limit"), _number(headers, "X-RateLimit-Remaining")
        if limit is not None and limit > 0:
            self._per_minute = min(limit, self._per_minute)
        if left is not None and reset is not None:
            # Those under way besides this one may come on top of what the broker has counted.
            self._left, self._left_until = left - (self._under_way - 1), now + reset
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            said = _number(headers, "Retry-After")
            pause = (reset or PAUSE_SECONDS) if said is None else said
            self._closed_until = max(self._closed_until, now + min(pause, PAUSE_SECONDS_MAX))


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(2**63)) else None


def _reset_seconds(headers: Mapping[str, str]) -> float | None:
    """By the broker's own clock, which says when it answered; None where that cannot be a minute's rest."""
    reset = _number(headers, "X-RateLimit-Reset")
    try:
        answered = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    if reset is None or not 0 < (seconds := reset - answered.timestamp()) <= WINDOW_SECONDS:
        return None
    return seconds
