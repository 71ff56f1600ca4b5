import re

import pytest

from agenttrader.model import errors
from agenttrader.model.errors import AgentTraderError, BadValue, StoreError, TamperingFound


def _kinds(base: type[AgentTraderError]) -> list[type[AgentTraderError]]:
    return [
        base,
        *(
            kind
            for each in base.__subclasses__()
            for kind in _kinds(each)
            if each.__module__ == errors.__name__
        ),
    ]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    lines = (errors.__doc__ or "").splitlines()
    matches = [re.match(r"    ([│├└─ ]*)([A-Z]\w+) ", line) for line in lines]
    drawn = [(len(found[1]) // 4, found[2]) for found in matches if found]
    path: list[str] = []
    parents = {}
    for depth, name in drawn:
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in _kinds(AgentTraderError)}


def test_a_bad_value_is_a_value_error() -> None:
    """So that msgspec turns it into a validation error, with its text."""
    assert issubclass(BadValue, ValueError)


def test_tampering_names_its_record() -> None:
    with pytest.raises(StoreError, match=r"^record 7: it is missing$") as found:
        raise TamperingFound(7, "it is missing")
    assert isinstance(found.value, TamperingFound)
    assert (found.value.sequence, found.value.finding) == (7, "it is missing")
