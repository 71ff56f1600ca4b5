import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.adapters.recorded_days import read_recorded_day
from agenttrader.app.demo.day import DemoDay
from agenttrader.app.demo.keeper import Keeper
from agenttrader.app.demo.operator import Operator
from agenttrader.app.demo.setup import Chosen, Keeping, Maker, Person, Run, Wish, prepare
from agenttrader.app.demo.visitor import NotDenied, Visitor
from agenttrader.app.demo.wiring import keep_agent_keys
from agenttrader.app.gateway.standing_views import WindowBody
from agenttrader.app.gateway.status import ReconcileBody, StatusBody
from agenttrader.app.happenings import DayBegun, Happening, Said
from agenttrader.model.authority import Act, Mode, Statement
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import StatementRefused, Unreachable
from agenttrader.model.identifiers import AccountName, Digest, Symbol
from agenttrader.model.market import Bar, MarketEvent, StatusChange, TradingStatus, Watermark
from agenttrader.model.orders import Proposal
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.protocols.native import (
    AnswerBody,
    DecisionBody,
    OrderBody,
    OrderChanged,
    PositionBody,
    PositionsChanged,
    StreamMessage,
    TradingBody,
    TradingChanged,
    WatermarkReached,
)
from agenttrader.testing.recordings import trade_rows, write_trades

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
CLOSE = Instant(OPEN + 4 * MINUTE)
ACTIVE = TradingBody(state="active", reasons=(), mode="paper")
HALTED = TradingBody(state="halted", reasons=("no window is open",), mode="off")
SUSPENDED = TradingBody(state="halted", reasons=("the window is suspended: a restart",), mode="off")
BREAK = Break(kind=BreakKind.POSITION, ours="1", theirs="0", sentence="ALFA: ours 1, theirs 0")


BAR = Bar(
    symbol=Symbol("XYZ"),
    start=Instant(OPEN - MINUTE),
    interval=MINUTE,
    open=Decimal(93),
    high=Decimal(93),
    low=Decimal(93),
    close=Decimal(93),
    volume=Decimal(1),
)
HELD = PositionBody(
    symbol=Symbol("XYZ"),
    quantity=Decimal(140),
    average_price=Decimal(92),
    mark=Decimal(93),
    unrealised=Decimal(140),
    protected_quantity=Decimal(0),
)


class FakeGateway:
    """A gateway's answers, as a person and a bot see them, without the network."""

    def __init__(self) -> None:
        self.trading = HALTED
        self.epoch = 1
        self.breaks: tuple[Break, ...] = ()
        self.refusal = ""
        self.signed: list[Statement] = []
        self.proposed: list[Proposal] = []
        self.answer = "denied"
        self.lose_answers = False

    async def get(self, path: str, answer: type[Any]) -> Any:
        assert (path, answer) == ("/v1/status", StatusBody)
        return StatusBody(
            account=AccountName("DEMO-1"),
            epoch=self.epoch,
            configuration=Digest("c"),
            mode_ceiling=Mode.PAPER,
            trading=self.trading,
            watermark=None,
            session=None,
            records=1,
            failure="",
            window=self.window,
        )

    @property
    def window(self) -> WindowBody | None:
        """The window as the last statement left it."""
        if not self.signed:
            return None
        last = self.signed[-1]
        return WindowBody(
            mode=last.mode,
            scope=last.scope,
            start=rfc3339(last.start),
            end=rfc3339(last.end),
            person=last.person,
            reason=last.reason,
            suspended="a restart",
        )

    async def post(self, path: str, body: Any, _answer: type[Any]) -> Any:
        match path:
            case "/v1/reconcile":
                return ReconcileBody(run="1", breaks=self.breaks, failure="")
            case "/v1/windows" | "/v1/windows/resume":
                if self.refusal:
                    raise StatementRefused(self.refusal)
                self.signed.append(msgspec.json.decode(body.envelope, type=Statement))
                self.trading = ACTIVE
                if self.lose_answers:
                    raise Unreachable("the answer was lost")
                return ACTIVE
            case _:
                raise AssertionError(path)

    async def propose(self, proposal: Proposal) -> AnswerBody:
        self.proposed.append(proposal)
        order = OrderBody(
            id=proposal.id,
            agent=proposal.agent,
            strategy=proposal.strategy,
            symbol=proposal.symbol,
            side=proposal.side,
            type=proposal.type,
            effect=proposal.effect,
            role="entry",
            quantity=proposal.quantity,
            filled_quantity=Decimal(0),
            state=self.answer,
            reason=proposal.reason,
            time=rfc3339(OPEN),
        )
        decision = DecisionBody(code="trading_state", sentence="trading is halted", checks=())
        return AnswerBody(order=order, state=self.answer, decision=decision)


class PacedFeed:
    """Market data that tells the next minute when the demo has settled the one before."""

    def __init__(self, hear: Callable[[MarketEvent], None]) -> None:
        self.hear = hear
        self.settled_times: list[Instant] = []
        self.before: dict[Instant, Callable[[], None]] = {}
        self.is_stuck = False

    def tell(self, time: Instant) -> None:
        self.before.get(time, lambda: None)()
        self.hear(Watermark(time=time))

    async def settled(self, time: Instant) -> None:
        self.settled_times.append(time)
        if time < CLOSE and not self.is_stuck:
            asyncio.get_running_loop().call_soon(self.tell, Instant(time + MINUTE))

    async def follow(self, *_: object) -> None:
        raise AssertionError("the test tells by itself")


class Play:
    """A day with its doubles. The gateway's stream tells each watermark right after the market's."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.gateway = FakeGateway()
        self.told: list[Happening] = []
        self.feed = PacedFeed(self.hear)
        self.day = DemoDay(
            run,
            Operator(
                self.gateway,
                Person(public_key="", sign=lambda statement: msgspec.json.encode(statement).decode()),
                now=lambda: OPEN,
                nonce=iter(map(str, range(99))).__next__,
            ),
            Visitor(self.gateway.propose),
            self.feed,
            self.told.append,
            self.waiting_for,
            patience_seconds=0.2,
            recovery_seconds=0.3,
        )
        self.gateway_is_stuck = False

    def keep(self) -> None:
        """Give the day a keeper, whose time to sell has come at its first bar."""
        keeping = Keeping(key=Secret("k"), symbol=Symbol("XYZ"), quantity=Decimal(20), buys=False, sells=True)
        self.day._keeper = Keeper(keeping, self.gateway.propose)
        self.hear_gateway(PositionsChanged(positions=(HELD,)))
        self.day.hear_market(BAR)

    def hear(self, event: MarketEvent) -> None:
        self.day.hear_market(event)
        if isinstance(event, Watermark) and not self.gateway_is_stuck:
            self.hear_gateway(WatermarkReached(time=rfc3339(event.time)))

    def hear_gateway(self, message: StreamMessage) -> None:
        self.day.hear_gateway(message)

    def trade(self, trading: TradingBody) -> None:
        self.gateway.trading = trading
        self.hear_gateway(TradingChanged(trading=trading))

    async def waiting_for(self) -> str:
        return "the market data waits for strategy"

    async def play(self) -> None:
        asyncio.get_running_loop().call_soon(self.feed.tell, OPEN)
        await self.day.play()

    def said(self) -> list[tuple[str, str]]:
        return [(each.word, each.sentence) for each in self.told if isinstance(each, Said)]


def run_of(folder: Path, wish: Wish) -> Run:
    maker = Maker(
        person=lambda: Person(public_key="ab" * 32, sign=str),
        token=iter(map(Secret, map(str, range(99)))).__next__,
        keep_agent_keys=keep_agent_keys,
        session=lambda *_: Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE)),
        recorded=read_recorded_day,
    )
    run = prepare(folder, wish, maker, OPEN)
    short = Session(date="2026-11-20", open=OPEN, close=CLOSE)
    return msgspec.structs.replace(run, session=short)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(run_of(tmp_path, Wish(seed=7)))


@pytest.fixture
def recorded(tmp_path: Path) -> Play:
    """A recorded day, that is played in the minutes of the others."""
    write_trades(tmp_path / "data", "XYZ", trade_rows("2014-06-06"))
    chosen = Chosen(
        folder=tmp_path / "data", symbol=Symbol("XYZ"), day="2014-06-06", picked="the first is played"
    )
    return Play(run_of(tmp_path, Wish(recorded=chosen)))


async def test_the_first_thing_told_is_that_an_order_sent_now_is_denied(play: Play) -> None:
    await play.day.begin()
    first, second = play.told
    assert isinstance(first, Said)
    assert first.word == "denied"
    assert first.sentence.endswith(f"buy 10 {play.run.visited} at market: trading is halted")
    assert isinstance(second, DayBegun)
    (proposal,) = play.gateway.proposed
    assert proposal.exit_plan is not None, "nothing but the halt may be wrong with it"
    assert proposal.decision_time == OPEN


async def test_an_order_that_should_be_denied_and_is_not_ends_the_demo(play: Play) -> None:
    play.gateway.answer = "accepted"
    with pytest.raises(NotDenied, match="to be denied, found it accepted"):
        await play.day.begin()


async def test_every_minute_is_settled_in_order_up_to_the_close(play: Play) -> None:
    await play.play()
    assert play.feed.settled_times == [Instant(OPEN + minute * MINUTE) for minute in range(5)]
    assert play.day.ended_early == ""


async def test_the_window_is_signed_for_this_account_epoch_and_configuration(play: Play) -> None:
    await play.play()
    (statement,) = play.gateway.signed
    assert (statement.act, statement.mode, statement.person) == (Act.OPEN_WINDOW, Mode.PAPER, "demo")
    assert (statement.account, statement.epoch, statement.configuration) == ("DEMO-1", 1, "c")
    assert (statement.start, statement.end) == (OPEN, CLOSE + 15 * MINUTE)
    assert play.said()[0][1].startswith("a throw-away person signed a paper window until 2026-11-20T14:49")


async def test_a_window_whose_answer_was_lost_is_not_signed_twice(play: Play) -> None:
    play.gateway.lose_answers = True
    await play.play()
    assert len(play.gateway.signed) == 1


async def test_while_the_exchange_halts_its_symbol_the_visitor_tries_once(play: Play) -> None:
    def pause() -> None:
        status = TradingStatus.HALTED
        play.hear(StatusChange(symbol=play.run.visited, time=OPEN, status=status, reason="too fast"))

    play.feed.before[Instant(OPEN + 2 * MINUTE)] = pause
    await play.play()
    (proposal,) = play.gateway.proposed
    assert proposal.decision_time == OPEN + 2 * MINUTE
    assert play.said()[1] == ("visitor", f"tries to buy 10 {play.run.visited} while the exchange halts it")


async def test_a_recorded_day_says_where_its_prices_come_from_and_that_it_has_no_halt(recorded: Play) -> None:
    await recorded.day.begin()
    first, second, *others = recorded.told
    assert isinstance(first, Said)
    assert first.sentence.endswith("buy 10 NO_DATA at market: trading is halted")
    assert isinstance(second, DayBegun)
    assert (second.source, second.symbols) == ("XYZ as recorded in XYZ_trade.csv.gz", ("XYZ",))
    assert {each.word for each in others if isinstance(each, Said)} == {"data"}
    told = [each.sentence for each in others if isinstance(each, Said)]
    assert told[0] == "the first is played: XYZ on 2014-06-06"
    assert told[1].startswith("390 rows: 390 bars played, 0 outside the session kept apart")
    assert told[2].startswith("2014-06-05, the session before, is not recorded")
    assert "the spread is not paid; a fill is told at the end of its bar" in told[3]
    assert told[4].startswith("a file tells of no halts, so this day has none")


async def test_in_the_middle_of_a_recorded_day_the_visitor_tries_what_nobody_tells_a_price_of(
    recorded: Play,
) -> None:
    await recorded.play()
    (proposal,) = recorded.gateway.proposed
    assert (proposal.symbol, proposal.decision_time) == ("NO_DATA", OPEN + 2 * MINUTE)
    assert recorded.said()[1] == ("visitor", "tries to buy 10 NO_DATA while nobody tells a price of it")


async def test_a_generated_day_tells_of_no_files_and_has_no_such_try(play: Play) -> None:
    await play.day.begin()
    await play.play()
    assert "data" not in {word for word, _ in play.said()}
    assert len(play.gateway.proposed) == 1


async def test_a_day_that_came_back_suspended_is_held_until_the_person_has_signed_again(play: Play) -> None:
    def restart() -> None:
        play.gateway.epoch = 2
        play.trade(SUSPENDED)

    play.feed.before[Instant(OPEN + 2 * MINUTE)] = restart
    await play.play()
    opened, resumed = play.gateway.signed
    assert (resumed.act, resumed.epoch) == (Act.RESUME_WINDOW, 2)
    assert opened.nonce != resumed.nonce
    assert (opened.start, opened.end, opened.scope) == (resumed.start, resumed.end, resumed.scope)
    assert play.feed.settled_times[-1] == CLOSE
    assert play.day.ended_early == ""
    assert "signed to resume (the window is suspended: a restart)" in play.said()[-1][1]


async def test_a_day_whose_book_does_not_agree_goes_on_halted_and_says_which_break(play: Play) -> None:
    def restart() -> None:
        play.gateway.breaks = (BREAK,)
        play.trade(SUSPENDED)

    play.feed.before[Instant(OPEN + 2 * MINUTE)] = restart
    await play.play()
    assert play.day.ended_early == "trading stays halted: ALFA: ours 1, theirs 0"
    assert len(play.gateway.signed) == 1
    assert play.feed.settled_times[-1] == CLOSE


async def test_a_refused_resume_is_tried_for_a_while_and_then_told(play: Play) -> None:
    def restart() -> None:
        play.gateway.refusal = "everything is latched halted: by hand"
        play.trade(SUSPENDED)

    play.feed.before[Instant(OPEN + MINUTE)] = restart
    await play.play()
    assert "everything is latched halted: by hand" in play.day.ended_early
    assert play.said()[-1][0] == "halted"


async def test_a_connection_that_comes_back_by_itself_needs_no_person(play: Play) -> None:
    def lose_a_link() -> None:
        play.hear_gateway(TradingChanged(trading=HALTED))
        play.gateway.trading = ACTIVE

    play.feed.before[Instant(OPEN + MINUTE)] = lose_a_link
    await play.play()
    assert len(play.gateway.signed) == 1
    assert play.day.ended_early == ""


async def test_a_day_that_stands_still_ends_and_names_who_was_waited_for(play: Play) -> None:
    play.feed.is_stuck = True
    with pytest.raises(Unreachable) as ended:
        await play.play()
    assert "stands still at 2026-11-20T14:30:00Z: expected its next minute within 0.2 s" in str(ended.value)
    assert "the market data waits for strategy; read the logs in" in str(ended.value)


async def test_a_gateway_that_stands_still_is_named_too(play: Play) -> None:
    play.gateway_is_stuck = True
    with pytest.raises(Unreachable, match="found the gateway at its beginning"):
        await play.play()


async def test_what_the_keeper_wants_stands_firm_before_the_next_minute(play: Play) -> None:
    play.keep()
    play.gateway.answer = "approved"
    told_at: list[int] = []

    def report() -> None:
        told_at.append(len(play.feed.settled_times))
        order = play.day._orders[play.gateway.proposed[0].id]
        play.hear_gateway(OrderChanged(order=msgspec.structs.replace(order, state="accepted")))

    def later() -> None:
        asyncio.get_running_loop().call_later(0.05, report)

    play.feed.before[OPEN] = later
    await play.play()
    assert told_at == [0], "nothing was settled before the order stood firm"
    assert ("keeper", "sells 140 XYZ at market: the run's last close is near") in play.said()
    assert play.feed.settled_times[-1] == CLOSE


async def test_a_keeper_that_is_denied_is_told_and_the_day_goes_on(play: Play) -> None:
    play.keep()
    await play.play()
    assert ("keeper", "sell 140 XYZ was denied: trading is halted") in play.said()
    assert play.feed.settled_times[-1] == CLOSE
