import hashlib
import itertools
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.adapters.agent_keys import AgentKeys
from agenttrader.adapters.recorded_days import read_recorded_day
from agenttrader.app.config import load
from agenttrader.app.demo.casting import NIGHTS_SECONDS
from agenttrader.app.demo.setup import (
    KEEPER,
    PERSON,
    ROLES,
    STOP_ORDER,
    VISITOR,
    Chosen,
    Maker,
    Person,
    Run,
    Wish,
    lay_out,
    prepare,
    prepare_days,
)
from agenttrader.app.demo.wiring import keep_agent_keys
from agenttrader.app.prices import Generated, Recorded
from agenttrader.app.venue_sections import VenueSplit
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.sessions import Session
from agenttrader.model.times import from_rfc3339
from agenttrader.simulation.recording import RecordingRefused
from agenttrader.testing.recordings import trade_rows, write_trades

NOW = from_rfc3339("2026-11-21T15:30:59.5Z")


def session(calendar: str, date: str) -> Session:
    if date == "2026-11-26":
        raise BadValue(f"date: expected a session of {calendar}, found {date}")
    return Session(date=date, open=from_rfc3339(f"{date}T14:30:00Z"), close=from_rfc3339(f"{date}T21:00:00Z"))


def made(home: Path, wish: Wish | None = None) -> Run:
    return prepare(home, wish or Wish(), a_maker(), NOW)


def a_maker() -> Maker:
    tokens = (Secret(f"token-{number}") for number in itertools.count())
    person = Person(public_key="ab" * 32, sign=str)
    return Maker(
        person=lambda: person,
        token=lambda: next(tokens),
        keep_agent_keys=keep_agent_keys,
        session=session,
        recorded=read_recorded_day,
    )


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_run_is_a_folder_of_its_own_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = made(tmp_path, Wish(seed=3)), made(tmp_path, Wish(seed=3))
    assert first.folder == tmp_path / "demo" / "20261121T153059Z-3"
    assert second.folder == tmp_path / "demo" / "20261121T153059Z-3-2"
    assert stat.S_IMODE(first.folder.stat().st_mode) == 0o700


def test_the_configuration_is_as_wished_and_every_hash_is_of_the_secret_that_its_holder_finds(
    tmp_path: Path,
) -> None:
    run = made(tmp_path, Wish(seed=11, date="2026-11-27", speed="max", inbox="arrival"))
    configuration = load(run.path, environment={})
    assert configuration == run.configuration
    market = configuration.marketdata
    assert (market.date, market.speed) == ("2026-11-27", "max")
    assert isinstance(market.prices, Generated)
    assert market.prices.seed == 11
    assert (configuration.gateway.inbox, configuration.strategy.inbox) == ("arrival", "arrival")

    credentials = configuration.credentials
    hashes = {account.key_id: account.secret_sha256 for account in configuration.venue.accounts}
    hashes |= {
        key.key_id: key.secret_sha256 for each in configuration.venue.accounts for key in each.more_keys
    }
    hashes |= {key.key_id: key.secret_sha256 for key in market.keys}
    for key in (
        credentials.gateway.broker,
        credentials.gateway.marketdata,
        credentials.venue.marketdata,
        credentials.kill.broker,
    ):
        found = configuration.credential(key, environment={})
        assert sha256(found.secret.reveal()) == hashes[found.key_id]
    strategy = configuration.secret(credentials.strategy.gateway, environment={})
    file = configuration.path(configuration.gateway.agent_keys)
    agents = AgentKeys(file, configuration.agent_names(), lambda: NOW)
    assert agents.get(sha256(strategy.reveal())) == AgentName("momentum")
    assert agents.get(sha256(run.visitor.reveal())) == VISITOR
    assert sha256(run.operator.reveal()) == configuration.people[PERSON].token_sha256
    token = configuration.secret(credentials.kill.gateway, environment={})
    assert token.reveal() == run.operator.reveal()
    assert sha256(run.market.secret.reveal()) == hashes[run.market.key_id]
    assert configuration.people[PERSON].public_key == "ab" * 32


def test_every_secret_is_another_and_none_stands_in_the_configuration(tmp_path: Path) -> None:
    run = made(tmp_path)
    files = list((run.folder / "secrets").iterdir())
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    secrets = [file.read_text().strip() for file in files]
    assert run.operator.reveal() in secrets  # Kill tells the gateway in the person's name.
    secrets += [run.visitor.reveal()]
    assert len(set(secrets)) == len(secrets)
    text = run.path.read_text()
    assert not [secret for secret in secrets if f'"{secret}"' in text]
    assert '= ""' not in text


def test_a_run_starts_halted(tmp_path: Path) -> None:
    run = made(tmp_path)
    switch = run.configuration.path(run.configuration.switches.file)
    assert switch.read_text() == "1\n"


def test_the_symbol_that_will_be_paused_is_the_visitors_and_the_strategys_are_the_others(
    tmp_path: Path,
) -> None:
    paused = set()
    for seed in range(8):
        run = made(tmp_path, Wish(seed=seed))
        agents = run.configuration.agents
        assert agents[VISITOR].symbols == (run.visited,)
        others = set(run.configuration.marketdata.symbols) - {run.visited}
        assert set(agents[AgentName("momentum")].symbols) == others
        assert set(run.configuration.strategy.run[0].symbols) == others
        paused.add(run.visited)
    assert len(paused) > 1


def test_wishes_that_cannot_be_had_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="expected a session of XNYS, found 2026-11-26"):
        made(tmp_path, Wish(date="2026-11-26"))
    with pytest.raises(
        BadValue, match="order: expected each of venue, marketdata, gateway, exits, strategy once"
    ):
        made(tmp_path, Wish(order=("venue", "gateway")))
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_written_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file where the folder should be")
    with pytest.raises(ConfigurationError, match="expected to make the run's folder there") as refused:
        made(tmp_path)
    assert "AGENTTRADER_HOME" in str(refused.value)


def test_every_role_has_its_place_in_the_order_of_stopping() -> None:
    assert sorted(STOP_ORDER) == sorted(ROLES)
    assert STOP_ORDER[:3] == ("strategy", "exits", "gateway")


def test_a_recorded_run_has_the_recorded_symbol_and_one_that_nobody_tells_a_price_of(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_trades(data, "XYZ", trade_rows("2014-06-06", "645.57"))
    chosen = Chosen(folder=data, symbol=Symbol("XYZ"), day="2014-06-06", picked="the first")
    run = made(tmp_path, Wish(recorded=chosen))
    configuration = load(run.path, environment={})
    assert configuration == run.configuration
    assert run.folder.name == "20261121T153059Z-XYZ"
    assert (run.visited, run.picked, run.session.date) == ("NO_DATA", "the first", "2014-06-06")
    assert run.recorded is not None
    assert run.price == run.recorded.reference

    market = configuration.marketdata
    assert market.prices == Recorded(
        folder=str(data), symbol=Symbol("XYZ"), files_sha256=run.recorded.found.sha256
    )
    assert (market.source, market.symbols, market.date) == ("recorded", ("XYZ",), "2014-06-06")
    assert set(configuration.instruments) == set(configuration.limits.symbol) == {"XYZ", "NO_DATA"}
    assert configuration.agents[VISITOR].symbols == ("NO_DATA",)
    assert configuration.agents[AgentName("momentum")].symbols == ("XYZ",)
    [strategy] = configuration.strategy.run
    assert (strategy.symbols, strategy.parameters) == (("XYZ",), {"size": "20"})
    text = run.path.read_text()
    assert "generated" not in text.replace("generated or recorded", "")
    assert not [name for name in ("ALFA", "BRVO", "FXTR") if name in text]


def test_a_recorded_run_that_cannot_be_had_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    chosen = Chosen(folder=tmp_path, symbol=Symbol("XYZ"), day="2014-06-06")
    with pytest.raises(RecordingRefused, match="rule absent"):
        made(tmp_path, Wish(recorded=chosen))
    assert not list(tmp_path.iterdir())


FRIDAY, MONDAY, TUESDAY = "2014-06-06", "2014-06-09", "2014-06-10"


def days_of(home: Path, *days: tuple[str, str], holds: bool = False) -> tuple[Run, ...]:
    """A run of days, each with its first price."""
    data = home / "data"
    write_trades(data, "XYZ", [row for day, price in days for row in trade_rows(day, price)])
    wishes = [
        Wish(recorded=Chosen(folder=data, symbol=Symbol("XYZ"), day=day), holds=holds) for day, _ in days
    ]
    return prepare_days(home, wishes, a_maker(), NOW)


def test_days_of_one_run_share_all_but_their_configuration(tmp_path: Path) -> None:
    runs = days_of(tmp_path, (FRIDAY, "645.57"), (MONDAY, "92.69"), (TUESDAY, "94"))
    assert len({run.folder for run in runs}) == len({run.path for run in runs}) == 1
    assert (
        len({(run.visitor.reveal(), run.operator.reveal(), run.market.secret.reveal()) for run in runs}) == 1
    )
    assert [run.configuration.marketdata.date for run in runs] == [FRIDAY, MONDAY, TUESDAY]
    assert [str(run.split) for run in runs] == ["None", "7:1", "None"]
    assert [[split.date for split in run.configuration.venue.splits] for run in runs] == [
        [],
        [MONDAY],
        [MONDAY],
    ]
    (split,) = runs[1].configuration.venue.splits
    assert split == VenueSplit(symbol=Symbol("XYZ"), date=MONDAY, new_rate=Decimal(7), old_rate=Decimal(1))
    for run in (runs[0], runs[1], runs[2]):
        lay_out(run)
        assert load(run.path, environment={}) == run.configuration
        kept = run.folder / "configurations" / f"{run.session.date}.toml"
        assert kept.read_text() == run.path.read_text()


def test_the_first_day_lies_ready(tmp_path: Path) -> None:
    first, _ = days_of(tmp_path, (FRIDAY, "645.57"), (MONDAY, "640"))
    assert load(first.path, environment={}) == first.configuration


def test_who_holds_over_the_nights_owns_the_symbol_and_buys_first_and_sells_last(tmp_path: Path) -> None:
    runs = days_of(tmp_path, (FRIDAY, "645.57"), (MONDAY, "92.69"), holds=True)
    for run in runs:
        agents = run.configuration.agents
        assert agents[KEEPER].symbols == ("XYZ",)
        assert agents[AgentName("momentum")].symbols == run.configuration.strategy.run[0].symbols == ()
        assert run.keeping is not None
        file = run.configuration.path(run.configuration.gateway.agent_keys)
        keys = AgentKeys(file, run.configuration.agent_names(), lambda: NOW)
        assert keys.get(sha256(run.keeping.key.reveal())) == KEEPER
    keepings = [run.keeping for run in runs if run.keeping]
    assert [(keeping.quantity, keeping.buys, keeping.sells) for keeping in keepings] == [
        (Decimal(20), True, False),
        (Decimal(20), False, True),
    ]


def test_what_is_held_over_a_night_is_covered_by_the_exits_unit_but_over_a_split(tmp_path: Path) -> None:
    plain = days_of(tmp_path / "plain", (FRIDAY, "645.57"), (MONDAY, "640"), holds=True)
    split = days_of(tmp_path / "split", (FRIDAY, "645.57"), (MONDAY, "92.69"), holds=True)
    for run in plain:
        assert run.order == ROLES
        assert run.stop_order == STOP_ORDER
        assert run.configuration.limits.account.unprotected_seconds_max == 120
    for run in split:
        configuration = run.configuration
        assert (configuration.exits, configuration.credentials.exits) == (None, None)
        assert configuration.marketdata.barrier == ("strategy", "demo")
        assert configuration.limits.account.unprotected_seconds_max == NIGHTS_SECONDS
        assert set(ROLES) - set(run.order) == set(STOP_ORDER) - set(run.stop_order) == {"exits"}


@pytest.mark.parametrize(
    ("days", "rule"),
    (
        (((FRIDAY, "645.57"), (MONDAY, "430.38")), "too_far"),
        (((FRIDAY, "94"), (TUESDAY, "94")), "not_recorded"),
    ),
)
def test_a_night_of_which_nobody_knows_what_became_of_a_position_is_refused(
    tmp_path: Path, days: tuple[tuple[str, str], ...], rule: str
) -> None:
    with pytest.raises(BadValue, match=f"--to: expected to know .* by rule {rule} nobody does"):
        days_of(tmp_path, *days)
    assert not (tmp_path / "demo").exists()


def test_a_single_day_makes_no_split(tmp_path: Path) -> None:
    write_trades(tmp_path / "data", "XYZ", [*trade_rows(FRIDAY, "645.57"), *trade_rows(MONDAY, "92.69")])
    run = made(tmp_path, Wish(recorded=Chosen(folder=tmp_path / "data", symbol=Symbol("XYZ"), day=MONDAY)))
    assert (run.split, run.keeping, run.configuration.venue.splits) == (None, None, ())
