from pathlib import Path
from typing import cast

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.gateway.telling import HaltsHeard
from agenttrader.app.gateway.wiring import _address
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import InboxFull, Unsent
from agenttrader.runtime.inputs import Input, SwitchSeen
from agenttrader.runtime.session import Session


class Full:
    """A session of so many places."""

    def __init__(self) -> None:
        self.places = 0
        self.told: list[Input] = []

    def tell(self, received: Input) -> None:
        if len(self.told) >= self.places:
            raise InboxFull("too much is waiting")
        self.told.append(received)


def test_where_the_broker_listens_that_cannot_be_read_means_that_nothing_was_sent(tmp_path: Path) -> None:
    (tmp_path / "venue.json").write_text("no announcement")
    with pytest.raises(Unsent, match="expected an announcement"):
        _address(Announcements(tmp_path), "venue")


def halted(name: str, reason: str) -> SwitchReading:
    return SwitchReading(name=name, state=TradingState.HALTED, reason=reason)


def test_a_halt_that_a_last_look_heard_raises_nothing_and_comes_again_when_there_is_room() -> None:
    session = Full()
    halts = HaltsHeard(cast("Session", session))
    halts.hear(halted("file", "the first look"))
    halts.hear(halted("file", "the last look"))
    halts.hear(halted("environment", "set"))
    session.places = 1
    halts.tell()
    assert session.told == [SwitchSeen(halted("file", "the last look"))]
    session.places = 9
    halts.tell()
    halts.tell()
    assert session.told[1:] == [SwitchSeen(halted("environment", "set"))]
    halts.hear(halted("file", "again"))
    assert len(session.told) == 3
