import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from agenttrader.adapters.persons import verifier
from agenttrader.app.deciding.answers import Answers, World
from agenttrader.app.deciding.decider import Decider
from agenttrader.app.deciding.facts import Facts, Stated
from agenttrader.app.deciding.lines import Line
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import OrderId
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.times import SECOND, Instant, from_rfc3339
from agenttrader.testing.builders import AGENT, ALFA, CASH, MULTIPLIERS, SWITCH, at, rules, switch
from agenttrader.testing.driver import trading

AGE_SECONDS_MAX = 120


class Kept:
    """Decisions in memory; a disk that is full keeps none."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, bytes]] = []
        self.decided: set[str] = set()
        self.kept: list[tuple[str, bytes]] = []
        self.is_full = False

    def approved(self, day: str) -> list[bytes]:
        return [body for kept_on, body in self.kept if kept_on == day]

    def is_decided(self, proposal_id: str) -> bool:
        return proposal_id in self.decided

    def append(self, day: str, line: bytes, proposal_id: str | None, approved: bytes | None = None) -> None:
        if self.is_full:
            raise StoreError("full")
        if approved is not None:
            self.kept.append((day, approved))
        self.lines.append((day, line))
        if proposal_id is not None:
            self.decided.add(proposal_id)


class Nobody:
    """Where nothing ever waits for a person."""

    def read(self) -> tuple[bytes, ...]:
        return ()

    def keep(self, order_id: OrderId, content: bytes) -> None:
        raise AssertionError((order_id, content))

    def drop(self, order_id: OrderId) -> None:
        raise AssertionError(order_id)

    def words(self) -> dict[str, str]:
        return {}

    def drop_word(self, name: str) -> None:
        raise AssertionError(name)


class Stage:
    """A process that decides beside a gateway that trades, one minute into the day."""

    def __init__(self, kept: Kept | None = None, **changes: Any) -> None:
        self.records = trading().records
        self.now, self.kept = at(1), kept or Kept()
        self.told: list[tuple[str, Mapping[str, object]]] = []
        self.switch = switch(TradingState.ACTIVE)
        self.facts = Facts(
            marks={ALFA: Mark(price=Decimal(100), time=at(1), source="test")},
            statuses={ALFA: TradingStatus.TRADING},
            buying_power=Stated(CASH, at(1)),
        )
        fields: dict[str, Any] = {
            "wall": lambda: self.now,
            "records": lambda after: [each for each in self.records if each.sequence > after],
            "switches": lambda _: {SWITCH: self.switch},
            "facts": lambda: self.facts,
            "by_data": False,
            "mode": "EXECUTE",
            "data_told": None,
            "data_age_seconds_max": AGE_SECONDS_MAX,
        }
        self.answers = Answers(
            Decider(lambda _: rules(), MULTIPLIERS, AGENT, AGE_SECONDS_MAX, verifier({})),
            World(**(fields | changes)),
            self.kept,
            Nobody(),
            lambda kind, said: self.told.append((kind, said)),
        )

    def answer(self, content: bytes) -> dict[str, Any] | None:
        found = self.answers.answer(Line(content, is_whole=True))
        return None if found is None else json.loads(found)

    def decide(self, name: str = "p-1", **changes: Any) -> dict[str, Any]:
        found = self.answer(line(name, **changes))
        assert found is not None
        return found


def line(name: str = "p-1", **changes: Any) -> bytes:
    body = {
        "proposal_id": name,
        "valid_until_utc": "2026-11-20T20:00:00Z",
        "requires_human_approval": False,
        "strategy_name": "momentum",
        "order": {"symbol": "ALFA", "side": "buy", "qty": 10, "stop_loss": 95},
    }
    return json.dumps(body | changes).encode()


def test_an_approval_says_what_it_was_given_on() -> None:
    stage = Stage()
    found = stage.decide()
    assert (found["decision"], found["reject_reason_codes"], found["denied_by"]) == ("APPROVE", [], None)
    assert (found["agent_name"], found["agent_role"]) == ("execution-agent", "execution")
    assert found["decided_at_utc"] == "2026-11-20T14:31:00Z"
    assert found["recommended_order"]["quantity"] == "10"
    assert found["safety_snapshot"] == {
        "kill_switch": False,
        "marketdata_fresh": True,
        "marketdata_last_ts": "2026-11-20T14:31:00Z",
        "agent_mode": "EXECUTE",
    }
    assert found["limits"] == rules().limits_digest
    assert stage.kept.lines == [("2026-11-20", json.dumps(found, separators=(",", ":")).encode() + b"\n")]
    assert [kind for kind, _ in stage.told] == ["execution_decision"]


def test_what_was_approved_counts_for_the_next_process_too() -> None:
    large = {"symbol": "ALFA", "side": "buy", "qty": 600, "stop_loss": 95}
    first = Stage()
    assert first.decide(order=large)["decision"] == "APPROVE"
    assert first.decide("p-2", order=large)["denied_by"] == "buying_power"
    second = Stage(kept=first.kept)
    assert second.decide("p-3", order=large)["denied_by"] == "buying_power"
    assert second.decide("p-4")["decision"] == "APPROVE"


def test_what_needs_a_person_is_rejected_in_both_words() -> None:
    found = Stage().decide(requires_human_approval=True)
    assert found["reject_reason_codes"] == ["requires_human_approval", "approval"]
    assert found["denied_by"] == "approval"


def test_so_is_a_reduction_that_asks_for_one() -> None:
    stage = Stage()
    driver = trading()
    driver.enter(10)
    stage.records = driver.records
    order = {"symbol": "ALFA", "side": "sell", "qty": 10}
    found = stage.decide(order=order, requires_human_approval=True)
    assert (found["decision"], found["reject_reason_codes"][0]) == ("REJECT", "requires_human_approval")


@pytest.mark.parametrize("state", (TradingState.HALTED, TradingState.REDUCE_ONLY, TradingState.FROZEN))
def test_a_switch_rejects(state: TradingState) -> None:
    stage = Stage()
    stage.switch = switch(state)
    found = stage.decide()
    assert (found["reject_reason_codes"], found["denied_by"]) == (
        ["kill_switch_enabled", "trading_state"],
        "trading_state",
    )
    assert found["safety_snapshot"]["kill_switch"]


def test_a_proposal_that_has_expired_is_rejected() -> None:
    found = Stage().decide(valid_until_utc="2026-11-20T14:30:59Z")
    assert found["reject_reason_codes"] == ["proposal_expired", "valid_until"]


def test_data_that_nobody_spoke_of_are_stale() -> None:
    stage = Stage()
    stage.facts = Facts()
    found = stage.decide()
    assert found["reject_reason_codes"][0] == "marketdata_stale_or_missing"
    assert found["safety_snapshot"]["marketdata_last_ts"] is None


@pytest.mark.parametrize(
    ("seconds", "is_fresh"), ((0, True), (AGE_SECONDS_MAX, True), (AGE_SECONDS_MAX + 1, False), (-1, False))
)
def test_the_environments_word_on_the_data_has_an_age(seconds: int, is_fresh: bool) -> None:  # noqa: FBT001
    stage = Stage(data_told=Instant(at(1) - seconds * SECOND))
    stage.facts = Facts()
    assert stage.decide()["safety_snapshot"]["marketdata_fresh"] is is_fresh


def test_a_proposal_is_decided_once() -> None:
    stage = Stage()
    stage.decide("p-1")
    assert stage.answer(line("p-1", requires_human_approval=True)) is None
    assert stage.told[-1] == ("proposal_duplicate_seen", {"proposal_id": "p-1"})
    assert len(stage.kept.lines) == 1


def test_a_malformed_line_is_answered_and_the_stream_goes_on() -> None:
    stage = Stage()
    for content, kind, name in (
        (b"{", "proposal_parse_error", None),
        (line("p-1", more=1), "proposal_schema_invalid", "p-1"),
        (line("p-1", order={"symbol": "ALFA", "side": "buy", "qty": 0}), "proposal_schema_invalid", "p-1"),
    ):
        found = stage.answer(content)
        assert found is not None
        assert (found["decision"], found["proposal_id"]) == ("REJECT", name)
        assert found["reject_reason_codes"] == ["proposal_schema_invalid"]
        assert found["notes"]
        assert stage.told[-1][0] == kind
    assert stage.decide("p-1")["decision"] == "APPROVE"


def test_a_line_that_is_too_long_is_no_proposal_whatever_it_begins_with() -> None:
    stage = Stage()
    found = stage.answers.answer(Line(line(), is_whole=False))
    assert found is not None
    assert json.loads(found)["decision"] == "REJECT"


def test_the_day_turns_at_midnight() -> None:
    stage = Stage()
    for name, time in (("p-1", "2026-11-20T23:59:59.999Z"), ("p-2", "2026-11-21T00:00:00Z")):
        stage.now = from_rfc3339(time)
        stage.decide(name)
    assert [day for day, _ in stage.kept.lines] == ["2026-11-20", "2026-11-21"]


def test_what_cannot_be_kept_is_not_told() -> None:
    stage = Stage()
    stage.kept.is_full = True
    with pytest.raises(StoreError):
        stage.decide()
    assert not stage.told


def test_a_gateway_that_goes_by_its_data_is_asked_by_its_time() -> None:
    stage = Stage(by_data=True)
    stage.now = from_rfc3339("2026-12-24T03:00:00Z")
    found = stage.decide()
    assert (found["decision"], found["decided_at_utc"]) == ("APPROVE", "2026-12-24T03:00:00Z")


def test_what_the_gateway_records_meanwhile_counts() -> None:
    stage = Stage()
    driver = trading()
    stage.records = driver.records[:-1]
    assert stage.decide("p-1")["decision"] == "APPROVE"
    driver.enter(10)
    stage.records = driver.records
    assert stage.decide("p-2")["decision"] == "APPROVE"
    assert stage.decide("p-3", order={"symbol": "ALFA", "side": "sell", "qty": 11})["denied_by"] == "reduces"
