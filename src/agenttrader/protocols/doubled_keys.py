"""JSON objects that say a key twice: readers keep one of the two, and nobody can tell which was meant."""

import json

from agenttrader.model.errors import BadValue


def refuse_doubled_keys(body: bytes | str, what: str) -> None:
    """Raise BadValue, naming `what` and the key, where an object of this JSON has a key twice."""

    def once(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BadValue(f"{what}: expected {key[:60]!r} once, found it twice")
            seen.add(key)

    try:
        # Numbers stay text: they are not looked at, and a long one costs nothing.
        json.loads(body, object_pairs_hook=once, parse_int=str, parse_float=str)
    except ValueError as error:
        raise BadValue(f"{what}: {error}") from error
