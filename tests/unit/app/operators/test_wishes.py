import pytest

from agenttrader.app.gateway.status import StatusBody
from agenttrader.app.operators.wishes import end_of, now_of, one_of, require_caught_up, scope_of
from agenttrader.model.authority import EVERYTHING, Mode, Scope, ScopeKind
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AccountName, Digest
from agenttrader.model.times import from_rfc3339
from agenttrader.protocols.native import TradingBody

NOW, CLOSE = "2026-11-20T15:00:00Z", "2026-11-20T21:00:00Z"


def status(now: str | None = NOW, close: str | None = CLOSE, catching_up_to: str | None = None) -> StatusBody:
    return StatusBody(
        account=AccountName("SIM-1"),
        epoch=1,
        configuration=Digest("0"),
        mode_ceiling=Mode.PAPER,
        trading=TradingBody(state="halted", reasons=(), mode="off"),
        watermark=now,
        session=None,
        records=1,
        failure="",
        now=now,
        catching_up_to=catching_up_to,
        session_close=close,
    )


@pytest.mark.parametrize(
    ("text", "end"),
    (
        ("close", CLOSE),
        ("90m", "2026-11-20T16:30:00Z"),
        ("2h", "2026-11-20T17:00:00Z"),
        ("2026-11-20T12:00:00-05:00", "2026-11-20T17:00:00Z"),
    ),
)
def test_a_window_ends_when_its_person_says(text: str, end: str) -> None:
    assert end_of(text, status()) == from_rfc3339(end)


@pytest.mark.parametrize("text", ("", "noon", "90", "90s", "-5m", "12345m", "2026-11-20T17:00:00", "1.5h"))
def test_what_names_no_time_is_refused_with_what_would(text: str) -> None:
    with pytest.raises(BadValue, match="--until: expected close, a span such as 90m or 2h"):
        end_of(text, status())


def test_what_is_not_known_yet_is_not_guessed() -> None:
    with pytest.raises(BadValue, match="expected a trading day to have begun"):
        end_of("close", status(close=None))
    with pytest.raises(BadValue, match="has not heard the market's time yet"):
        end_of("90m", status(now=None))
    assert now_of(status()) == from_rfc3339(NOW)


def test_nothing_is_leased_while_a_day_is_told_again() -> None:
    require_caught_up(status())
    with pytest.raises(BadValue, match=rf"on record, up to {CLOSE}, and it is {NOW} there: .*; wait until"):
        require_caught_up(status(catching_up_to=CLOSE))


def test_a_scope_is_everything_or_a_kind_and_a_name() -> None:
    assert scope_of("everything") == EVERYTHING
    assert scope_of("symbol:BTC/USD") == Scope(ScopeKind.SYMBOL, "BTC/USD")
    assert scope_of("agent:a:b") == Scope(ScopeKind.AGENT, "a:b")


@pytest.mark.parametrize("text", ("", "symbol", "symbol:", "everything:x", "sector:tech"))
def test_what_is_no_scope_is_refused_with_the_kinds(text: str) -> None:
    with pytest.raises(BadValue, match=r"--scope: expected everything or one of account:NAME, agent:NAME"):
        scope_of(text)


def test_an_id_need_not_be_typed_to_its_end_and_is_never_guessed() -> None:
    ids = ("ab12", "ab1234", "cd56")
    assert one_of("c", ids, "break") == "cd56"
    assert one_of("ab12", ids, "break") == "ab12"
    for typed, many in (("ab1", "2"), ("x", "none"), ("", "none")):
        with pytest.raises(BadValue, match=f"break: expected the id of one.*: {many} of 3 begin so$"):
            one_of(typed, ids, "break")
    with pytest.raises(BadValue, match=r"found 'x': there is none$"):
        one_of("x", (), "break")
