"""The ways in which other systems' guards fail open, a test each, named after what goes wrong there.

Most were found in the source, the trackers and the incident reports of trading systems that people use. Each
is tried against the real thing: the configuration as it is read, the decision, the engine, the two faces over
a socket. Nothing here may ever be approved, sent, adopted or forgotten.
"""

import hashlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_type_hints

import aiohttp
import msgspec
import pytest
from msgspec.structs import replace

from agenttrader.adapters.environment_halt import EnvironmentHalt
from agenttrader.adapters.file_halt import FileHalt
from agenttrader.api.alpaca import create_alpaca_app, with_alpaca
from agenttrader.api.callers import Keys
from agenttrader.api.gateway import create_gateway_app
from agenttrader.app.config import demo_template, load
from agenttrader.app.gateway.alpaca_desk import AlpacaDesk
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.sections import ExitFractions
from agenttrader.gateway.checks import (
    authority,
    concentration,
    exposure,
    identity,
    market,
    order,
    permits,
    shape,
)
from agenttrader.gateway.checks.case import Case
from agenttrader.gateway.checks.catalog import CHECKS, CHECKS_FOR, RULES_FOR, Rule
from agenttrader.gateway.limits import AccountLimits, AgentLimits, GroupLimits, StrategyLimits, SymbolLimits
from agenttrader.gateway.sentences import sentence_of
from agenttrader.gateway.snapshot import LegView, Snapshot
from agenttrader.model.authority import EVERYTHING, Approval, Mode
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import Check, TradingState, Verdict
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.events import Decided, EquitySampled, Event, Withheld
from agenttrader.model.orders import Effect, Leg, OrderState, Side
from agenttrader.model.records import Chain
from agenttrader.model.reports import BrokerPosition, ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.protocols.native import encode, to_body
from agenttrader.reconciliation.compare import BookStatement, compare
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import (
    HaltAsked,
    LinkSeen,
    MarketSeen,
    Proposed,
    StatementGiven,
    SwitchSeen,
    TimeReached,
)
from agenttrader.runtime.state import State
from agenttrader.testing import builders as b
from agenttrader.testing.approving import ANN, EVE, TERMS, approved, asking, held, waits, word
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.driver import READY, Driver, at_rest, trading
from agenttrader.testing.serving import serving
from agenttrader.testing.situations import Situation, entry, exit_of_long, short_entry, spread_entry
from agenttrader.testing.small_gateway import SmallGateway, bot
from agenttrader.testing.tripping import holding, move_money, of_breakers, ticks
from agenttrader.testing.tripping import restarted as another_process

D = Decimal
ACTIVE, REDUCE_ONLY, HALTED, FROZEN = TradingState


def denied_by(events: list[Event]) -> str | None:
    (decided,) = [event for event in events if isinstance(event, Decided)]
    return decided.decision.denied_by


def restarted(driver: Driver) -> Driver:
    """Another process on the same journal, which has heard all but a person's word."""
    state, chain = State(b.MULTIPLIERS), Chain()
    for record in driver.records:
        state.apply(record)
        chain.sequence, chain.head = record.sequence, record.hash
    after = Driver(Engine(b.rules(), state, chain), driver.now)
    after.start(epoch=2)
    return after


# What is not there: lists, limits, keys, words.


@pytest.mark.parametrize("situation", (entry(), exit_of_long(), exit_of_long(Effect.REDUCE), spread_entry()))
def test_an_empty_list_of_checks_approves_nothing(
    situation: Situation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in RULES_FOR:
        monkeypatch.setitem(RULES_FOR, kind, ())
        monkeypatch.setitem(CHECKS_FOR, kind, ())
    decision = situation.decide()
    assert (decision.verdict, decision.denied_by) == (Verdict.DENIED, "checks")
    assert "could not be made (no check binds the order)" in sentence_of(decision.checks[0])


@pytest.mark.parametrize(
    ("situation", "code"),
    (
        (entry().granting(symbols=frozenset()), "ownership"),
        (entry().granting(strategies=frozenset()), "strategy"),
        (entry().limiting_agent(order_types=()), "order_type"),
        (entry().limiting_agent(times_in_force=()), "time_in_force"),
    ),
)
def test_an_empty_list_of_what_is_permitted_is_not_everything(situation: Situation, code: str) -> None:
    assert situation.decide().denied_by == code


def test_what_is_in_no_group_or_in_one_without_limits_is_not_unlimited() -> None:
    """Elsewhere a symbol of no known sector counts in none, and passes."""
    assert entry().seeing_leg(groups=()).decide().denied_by == "symbol_group"
    limits = msgspec.structs.replace(entry().limits, group={})
    assert msgspec.structs.replace(entry(), limits=limits).decide().denied_by == "daily_orders_group"
    limits = msgspec.structs.replace(entry().limits, strategy={})
    assert msgspec.structs.replace(entry(), limits=limits).decide().denied_by == "daily_orders_strategy"


def amounts() -> Iterator[tuple[type[msgspec.Struct], str]]:
    for table in (AccountLimits, AgentLimits, SymbolLimits, GroupLimits, StrategyLimits):
        for name, kind in get_type_hints(table).items():
            if kind in (Decimal, int):
                yield table, name


@pytest.mark.parametrize(
    ("table", "name"), tuple(amounts()), ids=lambda each: getattr(each, "__name__", each)
)
@pytest.mark.parametrize("off", (None, D(-1), D("NaN"), D("Infinity")), ids=str)
def test_a_limit_of_none_or_minus_one_is_not_unlimited(
    table: type[msgspec.Struct], name: str, off: Decimal | None
) -> None:
    limits = entry().limits
    tables = (limits.account, *limits.agent.values(), *limits.symbol.values())
    tables += (*limits.group.values(), *limits.strategy.values())
    sane = next(each for each in tables if isinstance(each, table))
    with pytest.raises(BadValue, match=name):
        msgspec.structs.replace(sane, **{name: off})


def template() -> str:
    """The demo's configuration, whole."""
    numbers = iter(range(1, 100))
    return re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())


def refusal(folder: Path, text: str) -> str:
    path = folder / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load(path, environment={})
    return str(refused.value)


def limit_lines() -> list[tuple[str, str]]:
    """Each table of limits, once for its kind, with each of its keys."""
    limits = tomllib.loads(demo_template())["limits"]
    tables = [("limits.account", limits["account"])]
    tables += [
        (f"limits.{kind}.{name}", keys)
        for kind in ("agent", "symbol", "group", "strategy")
        for name, keys in list(limits[kind].items())[:1]
    ]
    return [(table, key) for table, keys in tables for key in keys]


@pytest.mark.parametrize(("table", "key"), limit_lines())
def test_a_limit_that_was_left_out_or_misspelt_is_not_a_limit_that_is_off(
    tmp_path: Path, table: str, key: str
) -> None:
    head, mark, rest = template().partition(f"[{table}]\n")
    line = re.compile(rf"^{key} = (.*)\n", re.MULTILINE)
    assert line.search(rest)
    without = refusal(tmp_path, head + mark + line.sub("", rest, count=1))
    assert f"[{table}] {key}: this key is missing" in without
    misspelt = line.sub(f"{key}x = 1\n", rest, count=1)
    assert f"{key}x: this key is not known" in refusal(tmp_path, head + mark + misspelt)


@pytest.mark.parametrize("key", ("bypass", "enabled"))
@pytest.mark.parametrize("table", ("environment", "account", "gateway", "switches", "limits.account"))
def test_no_word_of_the_configuration_turns_the_guard_off(tmp_path: Path, table: str, key: str) -> None:
    text = template().replace(f"[{table}]", f"[{table}]\n{key} = true", 1)
    text = re.sub(rf"^\[{re.escape(table)}\].*\n", f"[{table}]\n", text, count=1, flags=re.MULTILINE)
    assert f"{key}: this key is not known" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "word", ('"Live"', '"PAPER"', '"paper "', '"simulation"', '"true"', '"1"', '""', "true", "1", "false")
)
def test_a_mode_that_is_not_read_exactly_is_not_live(tmp_path: Path, word: str) -> None:
    text = template().replace('mode_ceiling = "paper"', f"mode_ceiling = {word}", 1)
    assert "[environment] mode_ceiling: expected" in refusal(tmp_path, text)


@pytest.mark.parametrize("word", ('"false"', '"no"', "0", '"true"'))
def test_a_text_that_says_false_is_not_true(tmp_path: Path, word: str) -> None:
    for key in ("shorting_permitted", "extended_hours_permitted"):
        line = f"{key} = false"
        text = template()
        assert line in text
        assert f"{key}: expected" in refusal(tmp_path, text.replace(line, f"{key} = {word}", 1))


@pytest.mark.parametrize("number", ("true", "1e3", '"NaN"', '"inf"', '"-1"', '"none"', '""', "[]"))
def test_a_number_that_is_none_is_not_a_limit(tmp_path: Path, number: str) -> None:
    key = "gross_exposure_max"
    changed = re.sub(rf"^{key} = \S+", f"{key} = {number}", template(), count=1, flags=re.MULTILINE)
    assert f"[limits.account] {key}: expected" in refusal(tmp_path, changed)


def test_a_configuration_that_wires_no_switch_is_refused(tmp_path: Path) -> None:
    for wired in ("[]", '["file"]', '["stoer", "file"]'):
        text = template().replace('wired = ["store", "file"]', f"wired = {wired}", 1)
        assert "[switches] wired: expected" in refusal(tmp_path, text)


def may_be_missing(kind: type[msgspec.Struct]) -> list[str]:
    return [name for name, hint in get_type_hints(kind).items() if type(None) in get_args(hint)]


@pytest.mark.parametrize("name", sorted({*may_be_missing(Snapshot)} - {"replaced"}))
def test_a_fact_that_could_not_be_had_is_not_passed_over(name: str) -> None:
    """Such as an account whose balance could not be read, or a metric that was not there."""
    either_way = (entry(), short_entry())
    assert {each.decide().denied_by for each in either_way} == {None}
    assert any(each.seeing(**{name: None}).decide().denied_by for each in either_way)


# What ends with a leg is asked of options alone: see `test_what_ends_with_an_option_must_be_known`.
@pytest.mark.parametrize("name", sorted({*may_be_missing(LegView)} - {"expiry_exposure"}))
def test_what_is_not_known_of_a_symbol_is_not_passed_over(name: str) -> None:
    asked = exit_of_long() if name == "reducible" else entry()
    assert asked.decide().denied_by is None
    unknown: dict[str, Any] = {name: None}
    assert asked.seeing_leg(**unknown).decide().verdict is Verdict.DENIED


@pytest.mark.parametrize("price", ("NaN", "sNaN", "Infinity", "-Infinity", "0", "-100"))
def test_a_price_that_compares_with_nothing_passes_no_comparison(price: str) -> None:
    assert entry().marked(price=D(price)).decide().verdict is Verdict.DENIED


# Checks that are not in the way.


def test_no_check_is_written_and_never_asked() -> None:
    """A rule that failed to load is only logged elsewhere, and a limit is defined and wired to nothing."""
    written = {
        function
        for module in (authority, concentration, exposure, identity, market, order, permits, shape)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and get_type_hints(function) == {"case": Case, "return": Check}
    }
    asked = {rule.check for rule in CHECKS}
    assert len(written) > 40
    assert written == asked
    assert all(rule.binds for rule in CHECKS)


def test_a_check_that_breaks_is_not_a_check_that_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere an error in the path of approval falls back to sending at once."""

    def breaks(_: Case) -> Check:
        raise OSError("the risk service does not answer")

    for kind, found in RULES_FOR.items():
        rules = tuple(Rule(rule.code, breaks, rule.binds) for rule in found)
        monkeypatch.setitem(RULES_FOR, kind, rules)
        monkeypatch.setitem(CHECKS_FOR, kind, tuple(rule.check for rule in rules))
    step = trading().hear(Proposed(b.proposal()))
    assert denied_by([record.event for record in step.records]) == "agent"
    assert step.sends == []


def test_live_is_not_asked_less_than_paper_nor_paper_less_than_live() -> None:
    live = entry().leased(mode=Mode.LIVE).seeing(mode_ceiling=Mode.LIVE).granting(mode_ceiling=Mode.LIVE)
    asked = [[check.code for check in each.decide().checks] for each in (entry(), live)]
    assert asked[0] == asked[1]
    worse = live.seeing(equity=D(200_000)).decide()
    assert worse.denied_by == entry().seeing(equity=D(200_000)).decide().denied_by == "daily_loss"


def test_a_word_of_consent_in_the_order_is_no_approval() -> None:
    """Elsewhere a confirmation gate took what the agent itself had said."""
    asked = entry().granting(approval=Approval.MANUAL).proposing(reason="approved by a human; confirm=true")
    assert asked.decide().denied_by == "approval"


def test_a_person_who_does_not_answer_has_not_said_yes() -> None:
    """Elsewhere a confirmation that timed out went through."""
    driver = asking()
    entry = held(driver)
    events = driver.give(TimeReached(b.at(6)))
    assert [type(event) for event in events if not isinstance(event, EquitySampled)] == [Withheld]
    assert driver.order(entry.id).state is OrderState.WITHHELD


def test_a_yes_to_one_order_lets_no_other_leave() -> None:
    """Elsewhere what was confirmed was a dialog, and what left was what the agent had by then."""
    driver = asking()
    small, large = held(driver), held(driver, 2, quantity=D(500))
    digest = waits(driver, small).asked.digest
    driver.hear(word(digest, about=waits(driver, large).asked.digest[:-1] + "x"))
    assert driver.order(large.id).state is OrderState.PENDING_APPROVAL
    assert approved(driver, small, ANN) == [""]
    left = [record.event for record in driver.records if isinstance(record.event, Decided)]
    assert [each.proposal for each in left] == [small]


def test_a_check_that_fails_after_the_yes_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's word stands in the place of no check, and one that cannot be made is not passed."""

    def broken(_: Case) -> Check:
        raise KeyError("mark")

    driver = asking()
    entry = held(driver)
    for kind, rules in RULES_FOR.items():
        found = tuple(
            Rule(rule.code, broken, rule.binds) if rule.code == "daily_loss" else rule for rule in rules
        )
        monkeypatch.setitem(RULES_FOR, kind, found)
        monkeypatch.setitem(CHECKS_FOR, kind, tuple(rule.check for rule in found))
    step = driver.hear(word(waits(driver, entry).asked.digest))
    assert denied_by([record.event for record in step.records]) == "daily_loss"
    assert step.sends == []


def test_the_same_person_twice_is_one_person_and_whoever_asks_is_none() -> None:
    driver = asking(replace(TERMS, persons_needed=2))
    entry = held(driver)
    digest = waits(driver, entry).asked.digest
    said = [driver.hear(word(digest, person, nonce=f"{turn}")) for turn, person in enumerate((ANN, ANN, EVE))]
    assert [bool(each.refusal) for each in said] == [False, True, True]
    assert [each.sends for each in said] == [[], [], []]


@pytest.mark.parametrize("effect", (Effect.REDUCE, Effect.CLOSE))
def test_a_label_enforces_nothing_and_what_says_that_it_reduces_must(effect: Effect) -> None:
    selling = b.closing_proposal(effect=effect)
    assert denied_by(trading().propose(selling)) == "reduces"


def test_a_variable_that_leaves_assertions_out_starts_nothing(tmp_path: Path) -> None:
    program = "from agenttrader.cli.main import main; main()"
    command = [sys.executable, "-c", program, "run", "gateway", "--config", str(tmp_path / "c.toml")]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONOPTIMIZE": "1"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "expected Python with its assertions, found optimization level" in run.stderr


# Starting, stopping, starting again.


@pytest.mark.parametrize(
    "missing",
    [each for each in READY if not isinstance(each, TimeReached) and each not in READY[-3:-1]],
    ids=lambda each: f"{type(each).__name__}-{getattr(each, 'name', '')}",
)
def test_a_start_is_not_active_until_everything_was_heard(missing: object) -> None:
    driver = at_rest()
    driver.give(*(each for each in READY if each is not missing))
    assert denied_by(driver.propose(b.proposal())) is not None
    assert denied_by(trading().propose(b.proposal())) is None


def test_a_pause_is_kept_over_a_restart_and_a_restart_resumes_nothing() -> None:
    driver = trading()
    driver.give(HaltAsked(EVERYTHING, HALTED, "ada", "news"))
    after = restarted(driver)
    after.give(*READY[:5], *READY[6:])
    assert after.engine.standing().state is HALTED
    assert any("halted by ada" in reason for reason in after.engine.standing().reasons)
    assert denied_by(after.propose(b.proposal())) == "trading_state"
    unhalted = restarted(trading())
    unhalted.give(*READY[:5], *READY[6:])
    assert denied_by(unhalted.propose(b.proposal())) == "trading_state"


def test_a_restart_does_not_forget_how_much_was_done_and_lost() -> None:
    driver = trading()
    driver.enter(1)
    driver.give(MarketSeen(b.bar(2, 90)), TimeReached(b.at(2)))
    before = driver.engine.state
    after = restarted(driver).engine.state
    assert before.day_start_equity == after.day_start_equity == b.CASH
    assert after.book.position(b.ALFA) == 10
    assert after.book.orders.by_id.keys() == before.book.orders.by_id.keys()


def test_a_kill_switch_that_is_set_back_resumes_nothing() -> None:
    driver = trading()
    driver.give(SwitchSeen(b.switch(HALTED)), SwitchSeen(b.switch(ACTIVE)))
    assert denied_by(driver.propose(b.proposal())) == "trading_state"


@pytest.mark.parametrize(
    "content", (b"", b"false", b"off", b"00", b" 0", b"0 ", b"0\n0", b"no\n", b"\x00", b"O")
)
def test_a_switch_that_nobody_can_read_does_not_permit(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "EXECUTION_HALTED"
    path.write_bytes(content)
    assert FileHalt(path).read().state is HALTED
    text = content.decode()
    assert EnvironmentHalt(text).read().state is HALTED


def test_a_switch_that_is_not_there_does_not_permit(tmp_path: Path) -> None:
    assert FileHalt(tmp_path / "nowhere").read().state is HALTED
    assert FileHalt(tmp_path).read().state is HALTED
    os.mkfifo(tmp_path / "pipe")
    assert FileHalt(tmp_path / "pipe").read().state is HALTED
    assert EnvironmentHalt(None).read().state is HALTED


def test_a_switch_that_is_wired_and_never_said_anything_does_not_permit() -> None:
    driver = at_rest(wired_switches=("store", b.SWITCH, "another"))
    driver.give(*READY)
    assert driver.engine.standing().state is HALTED
    assert denied_by(driver.propose(b.proposal())) == "trading_state"


def test_a_window_does_not_open_by_what_the_configuration_permits() -> None:
    """Elsewhere one word in a file is all that lies between a paper account and a live one."""
    live = b.authority(ceiling=Mode.LIVE, is_simulated=False)
    driver = at_rest(authority=live)
    driver.give(*READY[:5])
    step = driver.hear(StatementGiven(b.signed(mode=Mode.LIVE)))
    assert "needs evidence" in step.refusal
    assert driver.engine.standing().state is HALTED


# What became of an order; where books differ.


def test_an_order_that_was_not_found_was_not_rejected_and_counts_as_if_it_filled() -> None:
    driver = trading()
    first, second = b.proposal(1, quantity=D(600)), b.proposal(2, quantity=D(600))
    driver.propose(first)
    for _ in range(2):
        driver.report(ReportKind.NOT_FOUND, first.id, broker_order_id=None)
        assert driver.order(first.id).state is OrderState.UNKNOWN
        assert driver.engine.state.book.orders.open_notional_total == D(60_000)
    assert denied_by(driver.propose(second)) == "buying_power"


def test_a_small_difference_is_a_difference() -> None:
    """Elsewhere two in a hundred are rounded away."""
    ours = BookStatement(
        account=b.ACCOUNT,
        cash=b.CASH,
        positions=((b.ALFA, D(10_000)),),
        working_orders=(),
        unknown_orders=(),
        executions=(),
        activities=frozenset(),
    )
    held = BrokerPosition(symbol=b.ALFA, quantity=D(9_999), average_price=D(100))
    kinds = {each.kind for each in compare(ours, b.broker_statement(positions=(held,)))}
    assert BreakKind.POSITION in kinds
    cent = b.broker_statement(cash=b.CASH + D("0.01"))
    assert BreakKind.CASH in {each.kind for each in compare(ours, cent)}


def test_a_difference_is_not_adopted_and_the_book_healed_behind_ones_back() -> None:
    driver = trading()
    driver.enter(1)
    found = Break(kind=BreakKind.POSITION, symbol=b.ALFA, ours="10", theirs="0", sentence="10 against 0")
    driver.give(b.compared(found))
    assert driver.engine.state.book.position(b.ALFA) == 10
    assert denied_by(driver.propose(b.proposal(2))) == "trading_state"


def test_an_outage_is_no_clean_comparison() -> None:
    driver = trading()
    driver.give(b.compared(failure="no answer"))
    assert denied_by(driver.propose(b.proposal())) == "trading_state"


# Market data.


def test_a_connection_that_is_up_and_silent_is_not_fresh_data() -> None:
    driver = trading()
    driver.give(TimeReached(Instant(b.at(1) + 5 * MINUTE + 1)))
    assert all(link.up for link in driver.engine.state.links.values())
    assert denied_by(driver.propose(b.proposal())) == "quote_age"


@pytest.mark.parametrize("link", ("broker", "marketdata"))
def test_a_connection_that_is_down_stops_orders_and_does_not_only_warn(link: str) -> None:
    driver = trading()
    driver.give(LinkSeen(link, up=False, reason="reset"))
    assert denied_by(driver.propose(b.proposal())) == "trading_state"


def test_a_loss_that_is_still_open_is_a_loss_and_a_gain_is_none() -> None:
    """Elsewhere open losses are not looked at, and a kill switch stopped at ten per cent of gain."""
    limits = msgspec.structs.replace(
        b.rules().limits, account=msgspec.structs.replace(b.rules().limits.account, daily_loss_max=D(50))
    )
    driver = trading(limits=limits)
    driver.enter(1)
    driver.give(MarketSeen(b.bar(2, 110)), TimeReached(b.at(2)))
    of_bravo = (Leg(b.BRAVO),)
    assert denied_by(driver.propose(b.proposal(2, legs=of_bravo))) is None
    driver.give(MarketSeen(b.bar(3, 90)), TimeReached(b.at(3)))
    assert denied_by(driver.propose(b.proposal(3, legs=of_bravo))) == "daily_loss"


LADDER = msgspec.structs.replace(
    BREAKERS, soft_fraction=D("0.1"), medium_fraction=D("0.2"), hard_fraction=D("0.3")
)


@pytest.mark.parametrize("price", (1, 10_000))
def test_one_wrong_price_is_no_loss_and_no_height_to_fall_from(price: int) -> None:
    """Elsewhere it halts for nothing, or is the highest of all from then on."""
    assert of_breakers(ticks(holding(LADDER), 5, price, 100, 100, 100)) == []


def test_a_restart_does_not_set_back_what_losses_count_from() -> None:
    """Elsewhere the highest equity lies in memory, and each start begins at the equity of then."""
    driver = holding(LADDER)
    ticks(driver, 5, 85, 85, 85)
    assert len(of_breakers(ticks(another_process(driver), 8, 70, 70, 70))) == 1


def test_a_breaker_that_tripped_does_not_begin_again_by_itself() -> None:
    """Elsewhere it starts anew from the lower equity, and trading goes on after the next rebalance."""
    driver = holding(LADDER)
    ticks(driver, 5, 60, 60, 60, 100, 100, 100)
    assert denied_by(another_process(driver).propose(b.proposal(2))) == "trading_state"


@pytest.mark.parametrize("amount", (-50_000, 1_000_000))
def test_money_that_comes_or_goes_hides_no_loss_and_is_none(amount: int) -> None:
    driver = holding(msgspec.structs.replace(BREAKERS, day_loss_max=D(9_000)))
    ticks(driver, 5, 90, 90, 90)
    assert of_breakers(move_money(driver, 1, amount)) == []
    assert of_breakers(ticks(driver, 8, 90, 90, 90)) == []
    assert len(of_breakers(ticks(driver, 11, 89, 89, 89))) == 1


def test_a_limit_that_was_quietly_widened_is_seen() -> None:
    limits = entry().limits
    wider = entry().limiting_account(daily_loss_max=limits.account.daily_loss_max + 1).limits
    assert wider.digest != limits.digest
    other = b.authority(configuration="c1" * 32)
    driver = at_rest(authority=other)
    driver.give(*READY[:5])
    assert "the statement was made for configuration" in driver.hear(StatementGiven(b.signed())).refusal


# Every way in, over HTTP.


class Doors:
    """A gateway with both faces. Each door asks for something new; `sent` is what reached the broker."""

    def __init__(self, http: aiohttp.ClientSession, gateway: SmallGateway) -> None:
        self.http = http
        self.gateway = gateway

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.http.request(method, path, data=data, headers=headers) as answer:
            text = await answer.text()
            return answer.status, msgspec.json.decode(text) if text else None

    @property
    def sent(self) -> int:
        return len(self.gateway.broker.sent)

    @property
    def approved(self) -> int:
        decided = [event for event in self.gateway.events() if isinstance(event, Decided)]
        return sum(event.decision.denied_by is None for event in decided)


AGENTS = {"Authorization": "Bearer agents-key"}
PERSONS = {"Authorization": "Bearer persons-token"}
BOT = {"APCA-API-KEY-ID": b.OTHER_AGENT, "APCA-API-SECRET-KEY": "bots-key"}
SIMPLE = {"symbol": "CHARLY", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}
BRACKET = SIMPLE | {
    "order_class": "bracket",
    "stop_loss": {"stop_price": "95"},
    "take_profit": {"limit_price": "110"},
}


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    gateway = SmallGateway(answer_wait_seconds=0.2)
    plan = ExitFractions(stop=D("0.03"), target=D("0.05"))
    agents = {sha256("agents-key"): b.AGENT, sha256("bots-key"): b.OTHER_AGENT}
    desk = AlpacaDesk(
        gateway.desk,
        AlpacaUpdates(gateway.session),
        {b.OTHER_AGENT: bot(b.CHARLY, exit_plan=plan, dedupe_window_seconds=60)},
    )
    await gateway.trade()
    gateway.broker.on_submit = gateway.accept
    face = create_gateway_app(gateway.desk, Keys(agents, {sha256("persons-token"): b.PERSON}))
    async with (
        serving(with_alpaca(face, create_alpaca_app(desk, agents))) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        yield Doors(http, gateway)
    await gateway.stop()


def own(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A proposal's body."""
    found: dict[str, Any] = msgspec.json.decode(encode(to_body(b.proposal(number, **changes))))
    return found


WAYS_IN: dict[str, Callable[[str], tuple[str, str, dict[str, str], Any]]] = {
    "proposal": lambda _: ("POST", "/v1/proposals", AGENTS, own(11)),
    "group": lambda _: ("POST", "/v1/groups", AGENTS, {"group": "g", "proposals": [own(12), own(13)]}),
    "close": lambda _: (
        "POST",
        "/v1/proposals",
        AGENTS,
        own(14, side=Side.SELL, effect=Effect.CLOSE, exit_plan=None),
    ),
    "order": lambda _: ("POST", "/v2/orders", BOT, SIMPLE),
    "amount": lambda _: ("POST", "/v2/orders", BOT, {**SIMPLE, "qty": None, "notional": "1000"}),
    "bracket": lambda _: ("POST", "/v2/orders", BOT, BRACKET),
    "replacement": lambda id_: ("PATCH", f"/v2/orders/{id_}", BOT, {"limit_price": "98"}),
    "close of a position": lambda _: ("DELETE", "/v2/positions/CHARLY", BOT, None),
    "close of all": lambda _: ("DELETE", "/v2/positions", BOT, None),
}


@pytest.mark.parametrize("halts", (True, False), ids=("halted", "trading"))
@pytest.mark.parametrize("way", WAYS_IN)
async def test_no_way_in_passes_the_checks_by(doors: Doors, way: str, *, halts: bool) -> None:
    """Elsewhere a direct order, a flow or a tool goes round what the others go through."""
    await doors.ask("POST", "/v1/proposals", AGENTS, own())
    _, resting = await doors.ask("POST", "/v2/orders", BOT, SIMPLE | {"type": "limit", "limit_price": "99"})
    await doors.ask("POST", "/v2/orders", BOT, SIMPLE | {"qty": "5"})
    held, _, bots = doors.gateway.broker.sent
    doors.gateway.fill(held, "e-1")
    doors.gateway.fill(bots, "e-2")
    if halts:
        halt = {"scope": ["everything", ""], "state": "halted", "reason": "kill"}
        assert (await doors.ask("POST", "/v1/halt", PERSONS, halt))[0] == 200
    await doors.gateway.settle()
    before = doors.approved
    await doors.ask(*WAYS_IN[way](resting["id"]))
    await doors.gateway.settle()
    assert (doors.approved == before) is halts
    assert not halts or doors.sent == 3


async def test_stopping_is_stronger_than_placing_and_leaves_a_way_out(doors: Doors) -> None:
    """Elsewhere a stop keeps new orders coming, or keeps people from ending what works."""
    _, resting = await doors.ask("POST", "/v2/orders", BOT, SIMPLE | {"type": "limit", "limit_price": "99"})
    await doors.ask(
        "POST", "/v1/halt", PERSONS, {"scope": ["everything", ""], "state": "frozen", "reason": "x"}
    )
    status, refused = await doors.ask("POST", "/v2/orders", BOT, SIMPLE)
    assert (status, doors.sent) == (403, 1)
    assert "denied by trading_state" in refused["message"]
    assert (await doors.ask("DELETE", f"/v2/orders/{resting['id']}", BOT))[0] == 204
    assert len(doors.gateway.broker.canceled) == 1


@pytest.mark.parametrize(
    "claim",
    (
        {"limits": {"order_quantity_max": "1000000"}},
        {"agent": b.OTHER_AGENT},
        {"approved": True},
        {"bypass": True},
        {"mode": "live"},
    ),
    ids=str,
)
async def test_an_agent_does_not_decide_its_own_limits(doors: Doors, claim: dict[str, Any]) -> None:
    status, answer = await doors.ask("POST", "/v1/proposals", AGENTS, own() | claim)
    assert (status, doors.sent) == (422, 0)
    assert "unknown field" in answer["message"]
    status, _ = await doors.ask("POST", "/v2/orders", BOT, SIMPLE | claim)
    assert (status, doors.sent) == (422, 0)


async def test_a_retry_without_an_id_is_not_a_second_order(doors: Doors) -> None:
    """A library sends an order again on a time-out, and its id is optional."""
    first = await doors.ask("POST", "/v2/orders", BOT, SIMPLE)
    assert await doors.ask("POST", "/v2/orders", BOT, SIMPLE) == first
    assert (first[0], doors.sent) == (200, 1)


async def test_a_limit_that_is_set_stops_an_order_that_comes_in(doors: Doors) -> None:
    """Elsewhere limits are computed, shown and never asked."""
    _, denied = await doors.ask("POST", "/v1/proposals", AGENTS, own(quantity=D(1_001)))
    assert (denied["state"], denied["decision"]["code"]) == ("denied", "order_quantity")
    status, refused = await doors.ask("POST", "/v2/orders", BOT, SIMPLE | {"qty": "1001"})
    assert (status, doors.sent) == (422, 0)
    assert "denied by order_quantity" in refused["message"]
