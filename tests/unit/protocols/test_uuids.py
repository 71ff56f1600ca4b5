import pytest

from agenttrader.model.errors import BadValue
from agenttrader.protocols.uuids import expect_uuid

NAME = "609f36a2-7b8e-9aa9-8384-ed96d3651d7c"


def test_the_one_spelling_is_taken() -> None:
    assert expect_uuid(NAME) == NAME


@pytest.mark.parametrize("text", ("", NAME.upper(), NAME.replace("-", ""), f"{NAME}\n", f"{{{NAME}}}"))
def test_every_other_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="expected a UUID in lower case"):
        expect_uuid(text)
