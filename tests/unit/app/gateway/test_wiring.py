import gc
from pathlib import Path
from typing import Any, cast

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.gateway import wiring
from agenttrader.app.gateway.telling import HaltsHeard
from agenttrader.app.gateway.wiring import _address, wire_gateway
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import ConfigurationError, InboxFull, Unsent
from agenttrader.runtime.inputs import Input, SwitchSeen
from agenttrader.runtime.session import Session
from agenttrader.testing.recorded_run import configured


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


def test_what_was_folded_is_looked_through_for_no_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[SqliteJournal] = []

    class Opened(SqliteJournal):
        def __init__(self, *words: Any, **named: Any) -> None:
            super().__init__(*words, **named)
            opened.append(self)

    monkeypatch.setattr(wiring, "SqliteJournal", Opened)
    before = gc.get_freeze_count()
    try:
        # The run has no secrets: what comes after the fold is not assembled.
        with pytest.raises(ConfigurationError, match="expected a file with a secret"):
            wire_gateway(configured(tmp_path), Announcements(tmp_path), "code")
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
        for journal in opened:
            journal.close()
