"""What needs a person waits, is approved or denied by a signed file, and is decided again."""

import itertools
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.adapters.decision_log import DecisionLog
from agenttrader.adapters.persons import Person, make_key, sign, verify
from agenttrader.adapters.waiting_files import WaitingFiles
from agenttrader.app.deciding.answers import Answers, World
from agenttrader.app.deciding.decider import Decider
from agenttrader.app.deciding.facts import Facts, Stated
from agenttrader.app.deciding.lines import Line
from agenttrader.app.operators.acts import Pen
from agenttrader.app.operators.by_files import FileDesk
from agenttrader.model.approvals import ApprovalTerms
from agenttrader.model.authority import Act, PersonRole
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.events import Event, SegmentOpened, SegmentSealed
from agenttrader.model.identifiers import PersonName, derive_proposed_id
from agenttrader.model.market import Mark, TradingStatus
from agenttrader.model.records import Sealed
from agenttrader.model.times import SECOND, Instant
from agenttrader.runtime.rules import Rules
from agenttrader.testing.approving import ANN, BEN, EVE, PEOPLE, TERMS, VIC
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    CASH,
    MULTIPLIERS,
    SWITCH,
    at,
    authority,
    proposal,
    rules,
    segment,
    switch,
)
from agenttrader.testing.driver import trading

AGE_SECONDS_MAX = 1_000
KEYS = {name: make_key() for name in PEOPLE}
PERSONS = {name: Person(KEYS[name].public_key(), role) for name, role in PEOPLE.items()}
NONCES = itertools.count()
BODY = {
    "proposal_id": "p-1",
    "valid_until_utc": "2026-11-20T20:00:00Z",
    "strategy_name": "momentum",
    "order": {"symbol": "ALFA", "side": "buy", "qty": 10, "stop_loss": 95},
}


def asking_rules(terms: ApprovalTerms | None = TERMS, **limits: Any) -> Rules:
    """An agent whose entries persons may be asked about, and whose own policy asks nobody."""
    made = rules(authority=authority(people=PEOPLE, requesters={AGENT: EVE}), approvals=terms)
    limits_of = replace(made.limits, account=replace(made.limits.account, **limits))
    return replace(made, limits=limits_of, limits_digest=limits_of.digest)


class Stage:
    """A process that decides into a folder, beside a gateway that trades; and the persons who are asked."""

    def __init__(self, folder: Path, by: Rules | None = None) -> None:
        self.folder, self.by, self.now = folder, by or asking_rules(), at(1)
        self.records = trading().records
        self.told: list[tuple[str, Mapping[str, object]]] = []
        self.switch = switch(TradingState.ACTIVE)
        self.price = Decimal(100)
        self.log = DecisionLog(folder)
        self.answers = Answers(
            Decider(
                lambda _: self.by, MULTIPLIERS, AGENT, AGE_SECONDS_MAX, lambda text: verify(text, PERSONS)
            ),
            World(
                wall=lambda: self.now,
                records=lambda after: [each for each in self.records if each.sequence > after],
                switches=lambda _: {SWITCH: self.switch},
                facts=self.facts,
                by_data=False,
                mode="OBSERVE",
                data_told=None,
                data_age_seconds_max=AGE_SECONDS_MAX,
            ),
            self.log,
            WaitingFiles(folder),
            lambda kind, said: self.told.append((kind, said)),
        )
        self.desk = FileDesk(WaitingFiles(folder), lambda: self.now, lambda: f"nonce-{next(NONCES)}")

    def facts(self) -> Facts:
        return Facts(
            marks={ALFA: Mark(price=self.price, time=self.now, source="test")},
            statuses={ALFA: TradingStatus.TRADING},
            buying_power=Stated(CASH, self.now),
        )

    def propose(self, name: str = "p-1", **changes: Any) -> dict[str, Any] | None:
        line = Line(json.dumps(BODY | {"proposal_id": name} | changes).encode(), is_whole=True)
        found = self.answers.answer(line)
        return None if found is None else json.loads(found)

    def attend(self) -> list[dict[str, Any]]:
        return [json.loads(found) for found in self.answers.attend()]

    def say(self, person: PersonName = ANN, act: Act = Act.APPROVE_ORDER, reason: str = "as planned") -> Path:
        (found,) = self.desk.approvals()
        return self.desk.answer_approval(
            Pen(person, lambda said: sign(said, KEYS[person])), act, found, reason
        )

    def again(self) -> "Stage":
        """The process that comes after this one."""
        self.log.close()
        made = Stage(self.folder, self.by)
        made.now = self.now
        return made

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]


def test_what_needs_a_person_waits_and_leaves_no_decision(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.propose() is None
    assert stage.attend() == []
    assert not list(tmp_path.glob("*/decisions.ndjson"))
    assert stage.kinds() == ["approval_asked"]
    (found,) = stage.desk.approvals()
    assert (found.requester, found.approved_by, found.shown.digest) == (EVE, (), found.digest)
    assert stage.told[0][1]["expires_at_utc"] == "2026-11-20T14:36:00Z"
    assert stage.propose() is None, "it is known by its id"
    assert stage.kinds()[-1] == "proposal_duplicate_seen"


def test_a_persons_yes_has_it_decided_again_and_stands_in_the_record(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    envelope = stage.say().read_text()
    (found,) = stage.attend()
    assert (found["decision"], found["reject_reason_codes"], found["words"]) == ("APPROVE", [], [envelope])
    assert verify(found["words"][0], PERSONS).statement.person == ANN
    assert stage.kinds() == ["approval_asked", "approval_given", "execution_decision"]
    assert not [*tmp_path.glob("waiting/*"), *tmp_path.glob("words/*")]
    assert stage.propose() is None
    assert stage.attend() == []


def test_a_persons_no_rejects_it_with_the_reason(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    stage.say(BEN, Act.DENY_ORDER, "too large before the numbers")
    (found,) = stage.attend()
    assert (found["decision"], found["denied_by"]) == ("REJECT", "approval")
    assert found["reject_reason_codes"] == ["requires_human_approval", "approval"]
    assert found["notes"] == ["denied by ben: too large before the numbers"]
    assert len(found["words"]) == 1


def test_two_persons_are_two_different_ones(tmp_path: Path) -> None:
    stage = Stage(tmp_path, asking_rules(replace(TERMS, persons_needed=2)))
    stage.propose()
    for person in (ANN, ANN):
        stage.say(person)
        assert stage.attend() == []
    assert stage.kinds()[-1] == "approval_word_refused"
    stage.say(BEN)
    (found,) = stage.attend()
    assert found["decision"] == "APPROVE"
    assert [verify(word, PERSONS).statement.person for word in found["words"]] == [ANN, BEN]


@pytest.mark.parametrize("person", (EVE, VIC))
def test_the_requester_and_who_only_looks_approve_nothing(tmp_path: Path, person: PersonName) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    stage.say(person)
    assert stage.attend() == []
    assert stage.kinds() == ["approval_asked", "approval_word_refused"]
    assert not list(tmp_path.glob("words/*"))


def spoil(text: str) -> str:
    return text.replace('"sig": "', '"sig": "00')


@pytest.mark.parametrize("change", (spoil, lambda _: "", lambda text: text * 9), ids=("sig", "empty", "long"))
def test_a_word_that_is_none_is_refused_and_taken_away(tmp_path: Path, change: Callable[[str], str]) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    file = stage.say()
    file.write_text(change(file.read_text()))
    assert stage.attend() == []
    assert stage.kinds()[-1] == "approval_word_refused"
    assert not file.exists()


def test_a_word_is_used_once_and_for_nothing_else(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    file = stage.say()
    word = file.read_text()
    stage.attend()
    stage.propose("p-2")
    file.write_text(word)
    assert stage.attend() == []
    assert stage.kinds()[-1] == "approval_word_refused"


def again_with(kind: type) -> list[Sealed[Event]]:
    """The gateway's records with one more: that it began again, or that it stopped."""
    driver = trading()
    event: Event = segment(epoch=2) if kind is SegmentOpened else SegmentSealed(reason="told to")
    return [*driver.records, driver.engine.chain.seal(event, at(1))]


@pytest.mark.parametrize(
    ("change", "why"),
    (
        ({"now": Instant(at(1) + 300 * SECOND)}, "its time was over at 2026-11-20T14:36:00Z"),
        ({"price": Decimal(103)}, "ALFA went from 100 to 103"),
        ({"switch": switch(TradingState.HALTED)}, "halted: "),
        ({"by": asking_rules(open_orders_max=7)}, "the limits are others"),
        ({"records": again_with(SegmentOpened)}, "the gateway started again"),
        ({"records": again_with(SegmentSealed)}, "the gateway whose journal this is has stopped"),
    ),
    ids=("time", "price", "halt", "limits", "restart", "stop"),
)
def test_what_changes_meanwhile_voids_it(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    stage.say()
    for name, value in change.items():
        setattr(stage, name, value)
    (found,) = stage.attend()
    assert found["decision"] == "REJECT"
    assert why in found["notes"][0]
    assert stage.attend() == []


def test_it_is_decided_on_what_is_so_when_it_is_approved(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    stage.say()
    driver = trading()
    driver.enter(10, quantity=Decimal(995))
    stage.records = driver.records
    (found,) = stage.attend()
    assert (found["decision"], found["words"] != []) == ("REJECT", True)
    assert "requires_human_approval" not in found["reject_reason_codes"]


def test_what_waits_counts_as_if_it_worked_and_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, asking_rules(open_orders_max=1))
    stage.propose()
    no_person = {"requires_human_approval": False}
    second = stage.propose("p-2", **no_person)
    assert second is not None
    assert second["denied_by"] == "open_orders_account"
    stage.say()
    assert [found["decision"] for found in stage.attend()] == ["APPROVE"]
    third = stage.propose("p-3", **no_person)
    assert third is not None
    assert third["denied_by"] == "open_orders_account"


def test_a_restart_goes_on_waiting_with_the_words_that_were_given(tmp_path: Path) -> None:
    first = Stage(tmp_path, asking_rules(replace(TERMS, persons_needed=2)))
    first.propose()
    first.say(ANN)
    assert first.attend() == []
    second = first.again()
    assert second.propose() is None
    (found,) = second.desk.approvals()
    assert found.approved_by == (ANN,)
    second.say(BEN)
    assert [each["decision"] for each in second.attend()] == ["APPROVE"]
    assert second.again().attend() == []


def test_what_the_gateway_decides_itself_waits_here_no_more(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    stage.say()
    driver = trading()
    driver.propose(proposal(1, id=derive_proposed_id(AGENT, "p-1")))
    stage.records = driver.records
    (found,) = stage.attend()
    assert (found["decision"], found["notes"]) == ("REJECT", ["the gateway has the order on record"])


def test_where_the_journal_has_gone_what_waited_is_rejected(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.propose()
    second = first.again()
    second.records = []
    (found,) = second.attend()
    assert found["decision"] == "REJECT"
    assert second.attend() == []


def test_nothing_is_read_while_nothing_waits(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.attend() == []
    stage.records = None  # type: ignore[assignment]
    assert stage.attend() == []


def test_a_word_in_the_file_of_what_waits_counts_only_with_its_signature(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.propose()
    (file,) = tmp_path.glob("waiting/*.json")
    body = json.loads(file.read_text())
    file.write_text(json.dumps(body | {"words": ["an envelope"]}))
    second = first.again()
    assert second.attend() == []
    assert second.answers._decider.holds.by_id[body["approval"]["order_id"]].words == ()
    file.write_text("{")
    with pytest.raises(StoreError, match="found one that is none"):
        second.again().attend()


@pytest.mark.parametrize(
    "change", ({"quantity": "1000"}, {"max_loss": "9999"}, {"requires_approval": False}), ids=str
)
def test_what_a_person_said_yes_to_cannot_be_changed_in_its_file(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    first = Stage(tmp_path, asking_rules(replace(TERMS, persons_needed=2)))
    first.propose()
    first.say(ANN)
    assert first.attend() == []
    (file,) = tmp_path.glob("waiting/*.json")
    body = json.loads(file.read_text())
    file.write_text(json.dumps(body | {"wanted": body["wanted"] | change}))
    second = first.again()
    with pytest.raises(BadValue, match="wanted: expected the words of which the order"):
        second.desk.approvals()
    with pytest.raises(StoreError, match="wanted: expected the words of which the order"):
        second.attend()


@pytest.mark.parametrize(
    "by", (asking_rules(None), replace(rules(), approvals=TERMS)), ids=("terms", "requester")
)
def test_where_nobody_can_be_asked_it_is_rejected_at_once(tmp_path: Path, by: Rules) -> None:
    found = Stage(tmp_path, by).propose()
    assert found is not None
    assert found["reject_reason_codes"] == ["requires_human_approval", "approval"]


def test_a_person_signs_only_for_what_they_were_shown(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.propose()
    (found,) = stage.desk.approvals()
    other = replace(found.shown, expires=Instant(found.shown.expires + 1))
    pen = Pen(ANN, lambda said: sign(said, KEYS[ANN]))
    with pytest.raises(BadValue, match="do not sign"):
        stage.desk.answer_approval(pen, Act.APPROVE_ORDER, replace(found, shown=other), "x")
    both = replace(found, shown=other, digest=other.digest)
    with pytest.raises(BadValue, match="waits no more"):
        stage.desk.answer_approval(pen, Act.APPROVE_ORDER, both, "x")


def test_every_role_that_may_approve_is_tried_above() -> None:
    assert {PEOPLE[person] for person in (ANN, BEN)} == {PersonRole.APPROVER, PersonRole.ADMIN}
