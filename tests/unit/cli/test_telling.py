"""What a person reads is what we say, whatever agents, strangers and brokers have written into it."""

from datetime import UTC
from pathlib import Path

import pytest

from agenttrader.cli import breaks, operating
from agenttrader.cli.board import Line
from agenttrader.cli.show import line_text
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.protocols.native import TradingBody
from agenttrader.protocols.person_bodies import BreakBody
from agenttrader.testing.builders import OPEN

DRAWS = "x\x1b[1A\x1b[2K\nverdict   no breaks\x9b\u202e"
SHOWN = r"x\x1b[1A\x1b[2K\nverdict   no breaks\x9b\u202e"


def test_a_break_draws_no_other_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger names its own order, and the break repeats that name."""
    found = Break(kind=BreakKind.ORDER_MISSING_HERE, ours="", theirs=DRAWS, sentence=f"client id {DRAWS}")
    body = BreakBody(id="1190cf46", found=found, accepting="", refusal=f"cancel {DRAWS}")
    monkeypatch.setattr(breaks, "at_desk", lambda *_: body)
    breaks.show("1190cf46", config=Path("run"), person=Path("me"))
    shown = capsys.readouterr().out
    assert f"client id {SHOWN}" in shown
    assert not any(draws in shown for draws in ("\x1b", "\x9b", "\u202e", "\nverdict   no breaks"))


def test_nor_does_a_reason_for_a_halt(capsys: pytest.CaptureFixture[str]) -> None:
    trading = TradingBody(state="halted", reasons=(DRAWS,), mode="paper")
    operating.show_trading(trading, as_json=False)
    assert capsys.readouterr().out == f"trading   halted\nreason    {SHOWN}\n"


def test_nor_does_what_an_agent_calls_its_reason_on_the_board() -> None:
    assert line_text(Line(OPEN, "fill", DRAWS), UTC).plain.endswith(SHOWN)
