"""The parameters of a request, each asked for by its name; what nobody asks for is refused."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from agenttrader.model.errors import BadValue
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.model.values import exact

_DATE_LENGTH = len("2026-11-20")


class Parameters:
    """The parameters of one request; `finish` refuses those that were not asked for."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name in self._values:
                raise BadValue(f"{name}: expected it once, found it twice")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """The parameter, or None where it is not given or empty."""
        return self._values.pop(name, None) or None

    def word(self, name: str, words: Iterable[str], default: str) -> str:
        """One of `words`."""
        found = self.text(name) or default
        if found not in words:
            raise BadValue(
                f"{name}: expected one of {', '.join(word for word in words if word)}, found {found!r}"
            )
        return found

    def flag(self, name: str) -> bool:
        """True or false, in any case; false where it is not given."""
        return self.word(name, ("true", "false", "True", "False"), "false").lower() == "true"

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`."""
        found = self.text(name)
        if found is None:
            return default
        if not (found.isascii() and found.isdigit() and 1 <= int(found) <= most):
            raise BadValue(f"{name}: expected a whole number from 1 to {most}, found {found!r}")
        return int(found)

    def number(self, name: str) -> Decimal | None:
        """A decimal number."""
        found = self.text(name)
        return None if found is None else exact(found, name)

    def time(self, name: str) -> Instant | None:
        """A time as RFC 3339, or a date for its first instant in UTC."""
        found = self.text(name)
        if found is None:
            return None
        # A client that does not escape the plus of an offset sends a blank.
        return from_rfc3339(f"{found}T00:00:00Z" if len(found) == _DATE_LENGTH else found.replace(" ", "+"))

    def day(self, name: str) -> date | None:
        """A date as YYYY-MM-DD; the time that a client adds to it is passed over."""
        found = self.text(name)
        if found is None:
            return None
        try:
            return date.fromisoformat(found[:_DATE_LENGTH])
        except ValueError:
            raise BadValue(f"{name}: expected a day as YYYY-MM-DD, found {found!r}") from None

    def listed(self, name: str) -> frozenset[str] | None:
        """Words between commas; None where it is not given."""
        found = self.text(name)
        return None if found is None else frozenset(found.split(","))

    def finish(self) -> None:
        """Raises BadValue for the parameters that nobody asked for."""
        if self._values:
            raise BadValue(f"expected only parameters of this request, found {', '.join(self._values)}")
