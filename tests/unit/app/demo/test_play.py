import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.app.demo.operator import Operator
from agenttrader.app.demo.play import Desk, play, play_days
from agenttrader.app.demo.report import Ending, JournalFound, Result
from agenttrader.app.demo.setup import STOP_ORDER, Maker, Person, Run, Wish, prepare
from agenttrader.app.demo.stretch import Stretch
from agenttrader.app.demo.visitor import Visitor
from agenttrader.app.demo.wiring import keep_agent_keys
from agenttrader.app.gateway.status import ReconcileBody, StatusBody
from agenttrader.app.happenings import DayEnded, GatewayTold, Happening, Said, Starting
from agenttrader.model.authority import Mode
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.identifiers import AccountName, Digest
from agenttrader.model.market import Watermark
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Sealed
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.protocols.native import AccountBody, AnswerBody, Snapshot, TradingBody, WatermarkReached
from agenttrader.runtime.supervisor import Died, Notice, Ready, RoleFailed, Stopped

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
CLOSE = Instant(OPEN + 3 * MINUTE)
ACTIVE = TradingBody(state="active", reasons=(), mode="paper")
ACCOUNT = AccountBody(**dict.fromkeys(AccountBody.__struct_fields__, Decimal(5)))
HALTED = TradingBody(state="halted", reasons=("no window is open",), mode="off")


class FakeProcesses:
    """Roles that start and stop when told, and fail when a test says so."""

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self.tell = tell
        self.failure = ""
        self.failed = asyncio.Event()
        self.stopped: list[str] = []

    async def start(self) -> None:
        if self.failure:
            raise RoleFailed(self.failure)
        self.tell(Ready("venue", 1))

    async def watch(self) -> None:
        await self.failed.wait()
        raise RoleFailed("venue: expected it to stay up")

    async def stop(self, order: Sequence[str]) -> None:
        self.stopped.extend(order)
        self.tell(Stopped("venue", killed=True))


class FakeWorld:
    """A world whose market goes by as fast as it is settled."""

    def __init__(self) -> None:
        self.processes = FakeProcesses(lambda _: None)
        self.trading = HALTED
        self.at: dict[Instant, Callable[[], None]] = {}
        self.settled_times: asyncio.Queue[Instant] = asyncio.Queue()
        self.is_verified = True

    def supervisor(self, tell: Callable[[Notice], None]) -> FakeProcesses:
        self.processes.tell = tell
        return self.processes

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        operator = Operator(self, Person(public_key="", sign=str), lambda: OPEN, lambda: "nonce")
        yield Desk(operator, Visitor(self.propose), self, self.stream, self.waiting_for)

    def verify(self) -> JournalFound:
        finding = "" if self.is_verified else "record 3: changed"
        records = 4 if self.processes.stopped else 3
        return JournalFound(records=records, head="abcdef" * 10, verified=self.is_verified, finding=finding)

    def records(self) -> Iterable[Sealed[Any]]:
        return ()

    async def propose(self, proposal: Proposal) -> AnswerBody:
        answer = {
            "order": {
                "id": proposal.id,
                "agent": "visitor",
                "strategy": "",
                "symbol": proposal.symbol,
                "side": "buy",
                "type": "market",
                "effect": "open",
                "role": "entry",
                "quantity": "10",
                "filled_quantity": "0",
                "state": "denied",
                "reason": "",
                "time": rfc3339(OPEN),
            },
            "state": "denied",
            "decision": {"code": "trading_state", "sentence": "trading is halted", "checks": []},
        }
        return msgspec.convert(answer, AnswerBody)

    async def get(self, path: str, _answer: type[Any]) -> Any:
        if path == "/v1/snapshot":
            return Snapshot(watermark=None, orders=(), positions=(), account=ACCOUNT, trading=self.trading)
        return StatusBody(
            account=AccountName("DEMO-1"),
            epoch=1,
            configuration=Digest("c"),
            mode_ceiling=Mode.PAPER,
            trading=self.trading,
            watermark=None,
            session=None,
            records=1,
            failure="",
        )

    async def post(self, path: str, _body: Any, _answer: type[Any]) -> Any:
        match path:
            case "/v1/reconcile":
                return ReconcileBody(run="1", breaks=(), failure="")
            case "/v1/windows":
                self.trading = ACTIVE
            case "/v1/windows/close":
                if self.trading is HALTED:
                    raise BadValue("no window is open")
                self.trading = HALTED
            case _:
                raise AssertionError(path)
        return self.trading

    async def follow(self, receive: Callable[[Any], None], link: Callable[[bool, str], None]) -> None:
        link(True, "")  # noqa: FBT003 - the port's shape
        time = OPEN
        while True:
            self.at.get(time, lambda: None)()
            receive(Watermark(time=time))
            while await self.settled_times.get() < time:
                pass
            time = Instant(time + MINUTE)

    async def settled(self, time: Instant) -> None:
        self.settled_times.put_nowait(time)

    async def stream(self, receive: Callable[[Any], None], _link: Callable[[bool, str], None]) -> None:
        for minute in range(4):
            receive(WatermarkReached(time=rfc3339(Instant(OPEN + minute * MINUTE))))
        await asyncio.Event().wait()

    async def waiting_for(self) -> str:
        return ""


class Performance:
    """One play with everything that it told."""

    def __init__(self, tmp_path: Path) -> None:
        maker = Maker(
            person=lambda: Person(public_key="ab" * 32, sign=str),
            token=iter(map(Secret, map(str, range(99)))).__next__,
            keep_agent_keys=keep_agent_keys,
            session=lambda *_: Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE)),
            recorded=lambda *_: pytest.fail("no day of these is recorded"),
        )
        run = prepare(tmp_path, Wish(seed=7), maker, OPEN)
        self.run: Run = msgspec.structs.replace(
            run, session=Session(date="2026-11-20", open=OPEN, close=CLOSE)
        )
        self.world = FakeWorld()
        self.told: list[Happening] = []
        self.results: list[Result] = []
        self.interrupted = asyncio.Event()
        self.reports = tmp_path / "artifacts"

    async def play(self, *, stays: bool = False) -> Result:
        return await play(
            self.run,
            self.world,
            self.told.append,
            self.interrupted,
            stays=stays,
            reports=self.reports,
            code="c",
            ended=self.results.append,
        )

    def words(self) -> list[str]:
        return [each.word for each in self.told if isinstance(each, Said)]


@pytest.fixture
def performance(tmp_path: Path) -> Performance:
    return Performance(tmp_path)


async def test_a_day_is_played_compared_verified_reported_and_stopped(performance: Performance) -> None:
    result = await performance.play()
    assert result.is_good
    assert result.ending is Ending.CLOSE
    assert performance.results == [result]
    assert isinstance(performance.told[0], Starting)
    assert performance.words() == [
        "denied",
        "window",
        "window",
        "compared",
        "killed",
        "report",
        "verified",
        "check",
    ]
    assert performance.world.processes.stopped == list(STOP_ORDER)
    (folder,) = (performance.reports / "demo").iterdir()
    body = json.loads((folder / "report.json").read_text())
    assert (body["halted"], body["journal"]["records"], body["journal_is_final"]) == (True, 4, True)


def sentences(performance: Performance, word: str) -> list[str]:
    return [each.sentence for each in performance.told if isinstance(each, Said) and each.word == word]


async def test_the_journal_is_told_as_the_stopped_gateway_left_it_with_the_way_to_check_it(
    performance: Performance,
) -> None:
    await performance.play()
    assert sentences(performance, "verified") == ["the journal: 4 records, head abcdefabcdef…"]
    folder = performance.run.folder
    assert sentences(performance, "check") == [f"it with: ./agenttrader journal verify {folder}"]
    (page,) = performance.reports.glob("demo/*/report.md")
    assert f"- journal of 4 records, head {'abcdef' * 10}\n" in page.read_text()


async def test_roles_that_do_not_get_up_are_told_and_stopped(performance: Performance) -> None:
    performance.world.processes.failure = "venue: expected it to become ready"
    with pytest.raises(RoleFailed, match="expected it to become ready"):
        await performance.play()
    assert performance.world.processes.stopped == list(STOP_ORDER)


async def test_a_day_whose_report_could_not_be_written_is_not_begun(performance: Performance) -> None:
    performance.reports.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"expected to write the day's report there.*the day was not begun"):
        await performance.play()
    assert performance.told == []
    assert performance.world.processes.stopped == []


async def test_a_person_who_interrupts_gets_the_window_closed_and_a_report(performance: Performance) -> None:
    performance.world.at[Instant(OPEN + MINUTE)] = performance.interrupted.set
    result = await performance.play()
    assert result.ending is Ending.STOPPED
    assert result.is_halted
    assert "was interrupted" in result.ended_early
    assert performance.world.trading is HALTED
    assert performance.world.processes.stopped == list(STOP_ORDER)


async def test_a_role_that_cannot_be_kept_ends_the_day_and_the_book_is_still_compared(
    performance: Performance,
) -> None:
    performance.world.at[Instant(OPEN + MINUTE)] = performance.world.processes.failed.set
    result = await performance.play()
    assert result.ending is Ending.STOPPED
    assert result.ended_early == "venue: expected it to stay up"
    assert result.compared.is_clean
    assert "finding" in performance.words()


async def test_a_journal_that_does_not_verify_is_told(performance: Performance) -> None:
    performance.world.is_verified = False
    result = await performance.play()
    assert not result.is_good
    assert sentences(performance, "finding") == ["the journal does not verify: record 3: changed"]
    assert sentences(performance, "unsound") == [
        "the journal: 4 records, head abcdefabcdef…: record 3: changed"
    ]
    assert sentences(performance, "verified") == []


async def test_without_exit_the_roles_stay_up_until_somebody_ends_it(performance: Performance) -> None:
    playing = asyncio.create_task(performance.play(stays=True))
    async with asyncio.timeout(10):
        while "stays" not in performance.words():  # noqa: ASYNC110  the day tells a list
            await asyncio.sleep(0.01)
    assert performance.results, "the outcome is known before the end"
    assert performance.world.processes.stopped == []
    assert sentences(performance, "verified") == ["the journal: 3 records so far, head abcdefabcdef…"]
    (page,) = performance.reports.glob("demo/*/report.md")
    assert "- journal so far of 3 records" in page.read_text()
    performance.interrupted.set()
    assert (await playing).is_good
    assert sentences(performance, "verified")[1:] == ["the journal: 4 records, head abcdefabcdef…"]
    assert performance.world.processes.stopped == list(STOP_ORDER)


async def test_nothing_moves_after_the_day_has_ended(performance: Performance) -> None:
    await performance.play()
    ended = next(place for place, each in enumerate(performance.told) if isinstance(each, DayEnded))
    assert all(isinstance(each, Said) for each in performance.told[ended + 1 :])


async def test_what_the_gateway_says_after_the_comparison_is_told_before_the_day_has_ended(
    performance: Performance,
) -> None:
    performance.world.at[Instant(OPEN + MINUTE)] = performance.interrupted.set
    await performance.play()
    before = performance.told[: performance.told.index(DayEnded(fills=0))]
    last = [each.message for each in before if isinstance(each, GatewayTold)][-1]
    assert isinstance(last, Snapshot)
    assert (last.account, last.trading) == (ACCOUNT, HALTED)


async def test_a_role_that_dies_and_comes_back_is_told(performance: Performance) -> None:
    def die() -> None:
        performance.world.processes.tell(Died("venue", "was ended by SIGKILL", 1, 3, 0.5))
        performance.world.processes.tell(Ready("venue", 2))

    performance.world.at[Instant(OPEN + MINUTE)] = die
    await performance.play()
    died = next(each for each in performance.told if isinstance(each, Said) and each.word == "died")
    assert died.sentence == "venue was ended by SIGKILL; it is started again (1 of 3)"
    assert died.alarming
    assert performance.words().count("back") == 1


class Days:
    """Days of one run, each with a world of its own."""

    def __init__(self, tmp_path: Path, *dates: str) -> None:
        first = Performance(tmp_path)
        self.told, self.interrupted, self.reports = first.told, first.interrupted, first.reports
        self.runs = [
            msgspec.structs.replace(
                first.run, session=Session(date=date, open=OPEN, close=CLOSE), text=f"# {date}"
            )
            for date in dates
        ]
        self.worlds = {date: FakeWorld() for date in dates}
        self.laid_out: list[str] = []

    def world(self, run: Run) -> FakeWorld:
        self.laid_out.append(run.path.read_text())
        return self.worlds[run.session.date]

    async def play(self) -> Stretch:
        return await play_days(
            self.runs,
            self.world,
            self.told.append,
            self.interrupted,
            reports=self.reports,
            code="c",
            ended=lambda _: None,
        )

    def dates(self, stretch: Stretch) -> list[str]:
        return [played.run.session.date for played in stretch.days]


FRIDAY, MONDAY, TUESDAY = "2026-11-20", "2026-11-23", "2026-11-24"


async def test_days_of_one_run_are_played_in_order_and_their_roles_stop_in_between(tmp_path: Path) -> None:
    days = Days(tmp_path, FRIDAY, MONDAY)
    stretch = await days.play()
    assert stretch.is_good
    assert days.dates(stretch) == [FRIDAY, MONDAY]
    assert [world.processes.stopped for world in days.worlds.values()] == [list(STOP_ORDER)] * 2
    (folder,) = (days.reports / "demo").iterdir()
    assert json.loads((folder / "report.json").read_text())["sessions"] == [FRIDAY, MONDAY]
    words = [each.word for each in days.told if isinstance(each, Said)]
    assert words.count("night") == 1
    assert words[-3:] == ["report", "verified", "check"]


async def test_each_day_finds_its_own_configuration(tmp_path: Path) -> None:
    days = Days(tmp_path, FRIDAY, MONDAY)
    for run, world in zip(days.runs, days.worlds.values(), strict=True):
        world.at[OPEN] = lambda run=run: days.laid_out.append(run.path.read_text() + " played")  # type: ignore[misc]
    await days.play()
    assert [each for each in days.laid_out if each.endswith("played")] == [
        f"# {FRIDAY} played",
        f"# {MONDAY} played",
    ]


async def test_after_a_day_that_is_not_good_no_other_is_played(tmp_path: Path) -> None:
    days = Days(tmp_path, FRIDAY, MONDAY)
    days.worlds[FRIDAY].is_verified = False
    stretch = await days.play()
    assert days.dates(stretch) == [FRIDAY]
    assert (stretch.is_good, stretch.ended_early) == (False, f"{FRIDAY} did not end as it should")
    assert days.worlds[MONDAY].processes.stopped == []


async def test_roles_that_do_not_get_up_in_the_morning_end_the_run_with_what_was(tmp_path: Path) -> None:
    days = Days(tmp_path, FRIDAY, MONDAY, TUESDAY)
    days.worlds[MONDAY].processes.failure = "venue: expected it to become ready"
    stretch = await days.play()
    assert days.dates(stretch) == [FRIDAY]
    assert stretch.ended_early == f"{MONDAY} was not played: venue: expected it to become ready"
    assert days.worlds[MONDAY].processes.stopped == list(STOP_ORDER)
    assert list(days.reports.glob("demo/*/report.md"))


async def test_a_first_day_whose_roles_do_not_get_up_is_an_error(tmp_path: Path) -> None:
    days = Days(tmp_path, FRIDAY, MONDAY)
    days.worlds[FRIDAY].processes.failure = "venue: expected it to become ready"
    with pytest.raises(RoleFailed, match="expected it to become ready"):
        await days.play()


async def test_who_interrupts_a_day_ends_the_run(tmp_path: Path) -> None:
    days = Days(tmp_path, FRIDAY, MONDAY)
    days.worlds[FRIDAY].at[Instant(OPEN + MINUTE)] = days.interrupted.set
    stretch = await days.play()
    assert days.dates(stretch) == [FRIDAY]
    assert "was interrupted" in stretch.ended_early
