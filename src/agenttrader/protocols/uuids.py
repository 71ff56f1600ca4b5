"""The names that clients give as UUIDs."""

import re

from agenttrader.model.errors import BadValue

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def expect_uuid(text: str) -> str:
    """A UUID in its one spelling: no two texts are one name. Raises BadValue for anything else."""
    if not _UUID.fullmatch(text):
        raise BadValue(
            f"proposal_id: expected a UUID in lower case, such as 609f36a2-7b8e-9aa9-8384-ed96d3651d7c, "
            f"found {text[:60]!r}"
        )
    return text
