"""A key that an object says twice is found, wherever it stands, and nothing else is."""

import pytest

from agenttrader.model.errors import BadValue
from agenttrader.protocols.doubled_keys import refuse_doubled_keys


@pytest.mark.parametrize(
    "body",
    (
        b'{"qty": 1, "qty": 1}',
        b'{"qty": 1, "q\\u0074y": 2}',
        b'[{"a": {"qty": "1", "b": {}, "qty": null}}]',
    ),
)
def test_a_doubled_key_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(BadValue, match="order: expected 'qty' once, found it twice"):
        refuse_doubled_keys(body, "order")


@pytest.mark.parametrize(
    "body", (b"1", b"{}", b'[{"a": 1}, {"a": 1}]', b'{"a": {"a": {"a": 1}}}', b'{"a": ' + b"9" * 9_000 + b"}")
)
def test_a_key_in_each_of_several_objects_is_not_doubled(body: bytes) -> None:
    refuse_doubled_keys(body, "order")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(BadValue, match="order: "):
        refuse_doubled_keys(b"{", "order")
