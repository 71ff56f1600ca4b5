from typing import Any

import pytest

from agenttrader.app.kill.report import KillReport


def lines(**changes: Any) -> list[str]:
    nothing: dict[str, Any] = {"halts": (), "orders": (), "positions": (), "remains": ()}
    return list(KillReport(**nothing, unreachable="", side_journal="", **changes).lines())


@pytest.mark.parametrize("single", (True, False))
def test_the_profile_of_one_person_stands_in_the_report(single: bool) -> None:  # noqa: FBT001
    said = [line for line in lines(single_person=single) if "SINGLE PERSON" in line]
    assert len(said) == single
    assert lines(single_person=single)[-1] == "done"
