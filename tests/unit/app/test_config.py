import hashlib
import itertools
import re
from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.app.config import Configuration, demo_template, home, load
from agenttrader.model.authority import Approval, Mode, PersonRole
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.instruments import Spread

LONGEST_LINE = 120


def filled() -> str:
    """The demo's template with a different hash wherever it leaves one out."""
    numbers = itertools.count(1)
    return re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', demo_template())


def loaded(folder: Path, text: str) -> Configuration:
    path = folder / "demo.toml"
    path.write_text(text)
    return load(path, environment={})


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        loaded(folder, text)
    return str(refused.value).removeprefix(f"{folder / 'demo.toml'}: ")


def changed(old: str, new: str) -> str:
    text = filled()
    assert old in text, f"the template has no {old!r}"
    return text.replace(old, new, 1)


def test_the_demos_template_is_whole_but_for_its_keys(tmp_path: Path) -> None:
    found = loaded(tmp_path, filled())
    assert found.environment.mode_ceiling is Mode.PAPER
    assert found.limits.symbol[Symbol("ALFA")].price_collar_fraction_max == Decimal("0.05")
    assert found.people[next(iter(found.people))].role is PersonRole.OPERATOR
    assert found.instruments[Symbol("ALFA")].symbol == "ALFA"
    assert found.strategy.run[0].class_name.endswith(":Momentum")


def with_exit_plan(stop: str, target: str = "0.05") -> str:
    return f'{filled()}\n[agents.visitor.exit_plan]\nstop = "{stop}"\ntarget = "{target}"\n'


def test_an_agent_may_have_an_exit_plan_for_entries_that_bring_none(tmp_path: Path) -> None:
    plan = loaded(tmp_path, with_exit_plan("0.03")).agents[AgentName("visitor")].exit_plan
    assert plan is not None
    assert (plan.stop, plan.target) == (Decimal("0.03"), Decimal("0.05"))
    assert loaded(tmp_path, filled()).agents[AgentName("momentum")].exit_plan is None


def test_an_agent_may_send_orders_without_an_id_for_a_window(tmp_path: Path) -> None:
    window = 'symbols = ["FXTR"]\ndedupe_window_seconds = 30'
    found = loaded(tmp_path, changed('symbols = ["FXTR"]', window)).agents[AgentName("visitor")]
    assert found.dedupe_window_seconds == 30
    nothing = changed('symbols = ["FXTR"]', window.replace("30", "0"))
    assert refusal(tmp_path, nothing).startswith("[agents.visitor] dedupe_window_seconds: expected a whole")


@pytest.mark.parametrize("stop", ("0", "1", "3"))
def test_an_exit_plan_is_in_fractions_of_the_price(tmp_path: Path, stop: str) -> None:
    assert refusal(tmp_path, with_exit_plan(stop)) == (
        "[agents.visitor.exit_plan] stop: expected a fraction above 0 and below 1, such as 0.03, "
        f"found {stop}"
    )


def test_the_demos_template_as_it_lies_there_is_refused() -> None:
    pattern = r'(\w*(?:sha256|public_key)) = ""'
    assert set(re.findall(pattern, demo_template())) == set(re.findall(r'(\w+) = ""', demo_template()))


def test_a_template_without_its_keys_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, demo_template()) == (
        "[venue.accounts.0.more_keys.0] secret_sha256: expected a text, found an empty one"
    )


def test_paths_are_relative_to_the_files_own_folder(tmp_path: Path) -> None:
    found = loaded(tmp_path, filled())
    assert found.path(found.store.directory) == tmp_path / "store"
    assert found.path("/elsewhere") == Path("/elsewhere")


def test_what_an_agent_may_act_for_is_looked_up_by_its_name(tmp_path: Path) -> None:
    grants = loaded(tmp_path, filled()).grants()
    assert "ALFA" in grants[AgentName("momentum")].symbols
    assert grants[AgentName("momentum")].strategies == {"momentum"}
    assert grants[AgentName("visitor")].strategies == frozenset()
    assert {grant.mode_ceiling for grant in grants.values()} == {Mode.PAPER}
    assert {grant.approval for grant in grants.values()} == {Approval.AUTO}


def test_a_person_is_asked_everywhere_where_the_environment_says_so(tmp_path: Path) -> None:
    """The first approval of the template is the environment's; nobody is named who could be asked."""
    everywhere = filled().replace('approval = "auto"', 'approval = "manual"', 1)
    assert refusal(tmp_path, everywhere).startswith("[approvals]: expected it, for persons approve")


def test_no_agent_goes_farther_than_its_environment_and_each_says_how_far(tmp_path: Path) -> None:
    head, table, rest = filled().partition("[agents.visitor]")
    farther = head + table + rest.replace('mode_ceiling = "paper"', 'mode_ceiling = "live"')
    assert refusal(tmp_path, farther) == (
        "[agents.visitor] mode_ceiling: expected at most that of [environment], paper, found live"
    )
    for key in ("mode_ceiling", "approval"):
        silent = head + table + re.sub(rf"^{key} = .*\n", "", rest, count=1, flags=re.MULTILINE)
        assert refusal(tmp_path, silent).startswith(f"[agents.visitor] {key}: this key is missing")


# The digest names the content, not the spelling.


def test_a_misspelt_limit_is_told_what_would_have_been_known(tmp_path: Path) -> None:
    known = "Known here: concentration_fraction_max, daily_loss_max, daily_new_risk_max, daily_orders_max, "
    known += "days_to_expiry_min, dead_machine_loss_max, expiry_exposure_max, gross_exposure_max, "
    known += "long_exposure_max, market_fall_fraction_max, market_symbols, net_exposure_max, "
    known += "open_orders_max, orders_per_minute_max, restricted, short_exposure_max, "
    known += "ungrouped_permitted, unprotected_seconds_max"
    assert refusal(tmp_path, changed("daily_loss_max", "daily_los_max")).endswith(known)


def test_a_float_where_a_number_is_exact_is_told_to_stand_in_quotes(tmp_path: Path) -> None:
    assert refusal(tmp_path, changed('"0.05"', "0.05")).endswith('write it in quotes: "0.05"')
    assert refusal(tmp_path, changed('size = "100"', "size = 1e2")).endswith('write it in quotes: "1e2"')
    assert refusal(tmp_path, changed("batch_max = 64", "batch_max = 64.0")).endswith("found 64.0 as a float")


def test_comments_blanks_and_order_make_no_other_digest(tmp_path: Path) -> None:
    head, limits, rest = filled().partition("[limits.account]")
    bare = re.sub(r"(?m)\s*#[^\"\n]*$", "", head + limits + rest)
    account, _, others = bare.partition("[limits.account]")[2].partition("[limits.agent")
    turned = f"[limits.account]\n{account}\n{bare.partition('[limits.account]')[0]}\n[limits.agent{others}"
    assert loaded(tmp_path, turned).digest == loaded(tmp_path, filled()).digest


def test_any_changed_value_makes_another_digest(tmp_path: Path) -> None:
    digest = loaded(tmp_path, filled()).digest
    assert loaded(tmp_path, changed('daily_loss_max = "5000"', 'daily_loss_max = "5001"')).digest != digest
    assert loaded(tmp_path, changed("seed = 7", "seed = 8")).digest != digest


# What is refused, and in which words.


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    (
        (
            "daily_loss_max",
            "daily_los_max",
            "[limits.account] daily_los_max: this key is not known; the nearest known key is daily_loss_max",
        ),
        (
            "[limits.account]",
            "[limits.acount]",
            "[limits] acount: this key is not known; the nearest known key is account",
        ),
        ("[gateway]", "[gate]", "gate: this key is not known; the nearest known key is gateway"),
        (
            'daily_loss_max = "5000"',
            "",
            "[limits.account] daily_loss_max: this key is missing: expected a number in quotes",
        ),
        (
            "extended_hours_permitted = false",
            "",
            "[limits.agent.momentum] extended_hours_permitted: this key is missing: expected true or false",
        ),
        (
            'times_in_force = ["day"]',
            'times_in_force = ["day", "week"]',
            "[limits.agent.momentum] times_in_force: expected a list, each one of day, gtc, ioc",
        ),
        (
            'price_collar_fraction_max = "0.05"',
            "price_collar_fraction_max = 0.05",
            "[limits.symbol.ALFA] price_collar_fraction_max: expected a number in quotes, found 0.05",
        ),
        (
            'size = "100"',
            "size = 1e2",
            "[strategy.run.0.parameters] size: expected a text or a whole number or true or false, found 1e2",
        ),
        (
            "inbox_capacity = 4096",
            "inbox_capacity = 4096.0",
            "[gateway] inbox_capacity: expected a whole number, found 4096.0 as a float",
        ),
        (
            "inbox_capacity = 4096",
            'inbox_capacity = "4096"',
            "[gateway] inbox_capacity: expected a whole number, found '4096'",
        ),
        (
            "inbox_capacity = 4096",
            "inbox_capacity = 0",
            "[gateway] inbox_capacity: expected a whole number above 0, found 0",
        ),
        (
            "extended_hours_permitted = false",
            "extended_hours_permitted = 0",
            "[limits.agent.momentum] extended_hours_permitted: expected true or false, found 0",
        ),
        (
            'daily_loss_max = "5000"',
            'daily_loss_max = "five"',
            "[limits.account] daily_loss_max: expected a decimal number, found 'five'",
        ),
        (
            'daily_loss_max = "5000"',
            'daily_loss_max = "NaN"',
            "[limits.account] daily_loss_max: expected a finite number, found 'NaN'",
        ),
        (
            'daily_loss_max = "5000"',
            'daily_loss_max = "-1"',
            "[limits.account] daily_loss_max: expected 0 or more, found -1",
        ),
        (
            'daily_loss_max = "5000"',
            "daily_loss_max = true",
            "[limits.account] daily_loss_max: expected a decimal number, found True of type bool",
        ),
        (
            'price_collar_fraction_max = "0.05"',
            'price_collar_fraction_max = "5"',
            "[limits.symbol.ALFA] price_collar_fraction_max: expected a fraction below 1, such as 0.05",
        ),
        (
            'mode_ceiling = "paper"',
            'mode_ceiling = "papr"',
            "[environment] mode_ceiling: expected one of off, observe, dry_run, paper, live, found 'papr'",
        ),
        (
            'approval = "auto"',
            'approval = "maybe"',
            "[environment] approval: expected one of manual, auto, found 'maybe'",
        ),
        ("speed = 8", 'speed = "fast"', "[marketdata] speed: expected a whole number or max, found 'fast'"),
        ("speed = 8", "speed = -8", "[marketdata] speed: expected a whole number above 0, found -8"),
        (
            'date = "2026-11-20"',
            "date = 2026-11-20",
            "[marketdata] date: expected a text, found datetime.date(2026, 11, 20)",
        ),
        (
            'date = "2026-11-20"',
            'date = "2026-02-30"',
            "[marketdata] date: expected a day as YYYY-MM-DD, found '2026-02-30'",
        ),
        (
            'ALFA = "48.20"',
            'ALFA = "0"',
            "[marketdata.prices] symbols: expected start prices above 0, found 0",
        ),
        (
            'type = "equity"',
            'type = "equty"',
            "[instruments.ALFA] type: expected one of equity, option, crypto_pair, spread, found 'equty'",
        ),
        ('tick = "0.01"', 'tick = "0"', "[instruments] ALFA: ALFA.tick: expected a number above 0, found 0"),
        (
            "[instruments.ALFA]",
            '[instruments.ALFA]\nsymbol = "OTHER"',
            "[instruments.ALFA] symbol: expected ALFA, found 'OTHER'",
        ),
        (
            'role = "operator"',
            'role = "king"',
            "[people.demo] role: expected one of viewer, operator, approver, admin, found 'king'",
        ),
        (
            'public_key = "',
            'public_key = "g',
            "[people.demo] public_key: expected 64 hexadecimal digits in lower case",
        ),
        (
            'secret = { file = "secrets/gateway-broker" }',
            "secret = {}",
            "[credentials.gateway.broker] secret: expected either `file` or `variable`",
        ),
        (
            'secret = { file = "secrets/gateway-broker" }',
            'secret = "abc"',
            "[credentials.gateway.broker] secret: expected a table, found 'abc'",
        ),
        ('heads_directory = "heads"', 'heads_directory = "store"', "store: expected different folders"),
        (
            'wired = ["store", "file"]',
            'wired = ["file"]',
            "[switches] wired: expected store, and no switch twice, found file",
        ),
        (
            'wired = ["store", "file"]',
            'wired = ["store", "store"]',
            "[switches] wired: expected store, and no switch twice",
        ),
        (
            'wired = ["store", "file"]',
            'wired = ["store", "fiel"]',
            "[switches] wired: expected a list, each one of store, file",
        ),
        (
            'kind = "venue"',
            'kind = "alpaca"',
            "[broker] kind: expected one of venue, alpaca_paper, alpaca_live, found 'alpaca'",
        ),
    ),
)
def test_a_fault_is_named_with_its_table_and_key(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert refusal(tmp_path, changed(old, new)).startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    (
        (
            "[limits.agent.visitor]",
            "[limits.agent.visiter]",
            "[limits.agent] visiter: expected it in [agents] too, found there momentum, visitor",
        ),
        (
            "restricted = []",
            'restricted = ["FXTR", "FXTT"]',
            "[limits.account.restricted] FXTT: expected it in [instruments] too, found there ALFA, BRVO",
        ),
        (
            "market_symbols = []",
            'market_symbols = ["SPY"]',
            "[limits.account.market_symbols] SPY: expected it in [limits.symbol] too, found there ALFA, BRVO",
        ),
        (
            'symbols = ["ALFA", "BRVO", "CHRL"]\n',
            'symbols = ["ALFA", "FXTT"]\n',
            "[limits.group.cyclical.symbols] FXTT: expected it in [instruments] too, found there ALFA, BRVO",
        ),
        (
            "[limits.strategy.momentum]",
            "[limits.strategy.momentun]",
            "[limits.strategy] momentun: expected it in [agents.NAME.strategies] too, found there momentum",
        ),
        (
            "strategies = []",
            'strategies = ["reversal"]',
            "[agents.NAME.strategies] reversal: expected it in [limits.strategy] too, found there momentum",
        ),
        (
            "[limits.symbol.FXTR]",
            "[limits.symbol.FXTT]",
            "[limits.symbol] FXTT: expected it in [instruments] too, found there ALFA, BRVO, CHRL, DLTA",
        ),
        (
            "[instruments.ALFA]",
            '[instruments.GOLF]\ntype = "equity"\ntick = "0.01"\nlot = "1"\n\n[instruments.ALFA]',
            "[instruments] GOLF: expected it in [limits.symbol] too",
        ),
        (
            'symbols = ["FXTR"]',
            'symbols = ["GOLF"]',
            "[agents.visitor.symbols] GOLF: expected it in [limits.symbol] too",
        ),
        (
            'symbols = ["FXTR"]',
            'symbols = ["ALFA"]',
            "[agents] symbols: expected one owner of ALFA, found it twice",
        ),
        (
            "strategies = []",
            'strategies = ["momentum"]',
            "[agents] strategies: expected one agent to run momentum, found it twice",
        ),
        (
            'agent = "momentum"',
            'agent = "nobody"',
            "[strategy] agent: expected one of [agents], found nobody",
        ),
        (
            'name = "momentum"',
            'name = "mean"',
            "[strategy.run name] mean: expected it in [agents.momentum.strategies] too",
        ),
        (
            'ECHO = "159.75"',
            'GOLF = "159.75"',
            "[marketdata.prices symbols] GOLF: expected it in [instruments] too",
        ),
        (
            'key_id = "demo-venue"',
            'key_id = "demo-gateway"',
            "[[marketdata.keys]] key_id: expected different keys, found demo-gateway twice",
        ),
        (
            'name = "DEMO-1" ',
            'name = "DEMO-2" ',
            "[account name] DEMO-2: expected it in [venue.accounts] too, found there DEMO-1",
        ),
        (
            'barrier = ["exits", "strategy", "demo"]',
            'barrier = ["demo", "demo"]',
            "[marketdata] barrier: expected different roles, found demo twice",
        ),
    ),
)
def test_sections_that_contradict_each_other_are_named(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert refusal(tmp_path, changed(old, new)).startswith(expected)


def test_two_of_a_name_are_refused(tmp_path: Path) -> None:
    account = (
        '[[venue.accounts]]\nname = "{}"\ncash = "1"\nkey_id = "{}"\nsecret_sha256 = "'
        + "e" * 64
        + '"\n\n[marketdata]'
    )
    assert refusal(tmp_path, changed("[marketdata]", account.format("DEMO-1", "another"))).startswith(
        "[[venue.accounts]] name: expected different names, found DEMO-1 twice"
    )
    assert refusal(tmp_path, changed("[marketdata]", account.format("DEMO-2", "demo-account"))).startswith(
        "[[venue.accounts]] key_id: expected a key of its own for each account, found demo-account twice"
    )
    run = '[[strategy.run]]\nname = "momentum"\nclass = "a:B"\nsymbols = []\nparameters = {}\n\n'
    run += "[credentials.gateway.broker]"
    assert refusal(tmp_path, changed("[credentials.gateway.broker]", run)) == (
        "[[strategy.run]] name: expected different names, found momentum twice"
    )


SPREAD = """[instruments.PAIR]
type = "spread"
tick = "0.01"
legs = [["ALFA", 1], ["{}", -2]]

[instruments.ALFA]"""


def test_a_spread_needs_no_limits_of_its_own_but_known_legs(tmp_path: Path) -> None:
    found = loaded(tmp_path, changed("[instruments.ALFA]", SPREAD.format("BRVO"))).instruments[Symbol("PAIR")]
    assert isinstance(found, Spread)
    assert [(leg.symbol, leg.ratio) for leg in found.legs] == [("ALFA", 1), ("BRVO", -2)]
    assert refusal(tmp_path, changed("[instruments.ALFA]", SPREAD.format("GOLF"))).startswith(
        "[instruments.PAIR.legs] GOLF: expected it in [instruments] too"
    )
    assert "PAIR: expected two or more different legs" in refusal(
        tmp_path, changed("[instruments.ALFA]", SPREAD.format("ALFA"))
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    (
        (b"[environment\n", "expected TOML in UTF-8"),
        (b"\xff\xfe", "expected TOML in UTF-8"),
        (b"", "environment: this key is missing: expected a table. Nothing here has a default"),
        (b"instruments = 1", "environment: this key is missing"),
        (b"[instruments]\nALFA = 1", "environment: this key is missing"),
    ),
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "demo.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        load(path, environment={})
    assert expected in str(refused.value)


def test_an_account_is_called_by_what_every_file_can_be_called(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\[account\] name: expected letters, digits, - and _"):
        loaded(tmp_path, filled().replace('name = "DEMO-1"', 'name = "DEMO-1.eu"'))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"none\.toml: expected a file in TOML, found none: No such file"
    ):
        load(tmp_path / "none.toml", environment={})


# Secrets and the environment.


def test_a_secret_is_read_from_its_file_and_prints_as_stars(tmp_path: Path) -> None:
    found = loaded(tmp_path, filled())
    file = tmp_path / "secrets" / "gateway-broker"
    file.parent.mkdir()
    file.write_text("sesame\n")
    credential = found.credential(found.credentials.gateway.broker)
    assert (credential.key_id, credential.secret.reveal()) == ("demo-account", "sesame")
    assert "sesame" not in f"{credential} {credential.secret!r} {credential.secret}"
    assert "*****" in f"{credential}"


def test_a_secret_is_read_from_its_variable(tmp_path: Path) -> None:
    text = changed('secret = { file = "secrets/gateway-broker" }', 'secret = { variable = "BROKER_SECRET" }')
    found = loaded(tmp_path, text)
    key = found.credentials.gateway.broker
    assert found.credential(key, {"BROKER_SECRET": "sesame"}).secret.reveal() == "sesame"
    for environment in ({}, {"BROKER_SECRET": ""}):
        with pytest.raises(
            ConfigurationError, match="BROKER_SECRET: expected a secret in this environment variable"
        ):
            found.credential(key, environment)


def test_a_secret_that_is_missing_or_empty_is_named_by_its_file(tmp_path: Path) -> None:
    found = loaded(tmp_path, filled())
    with pytest.raises(ConfigurationError, match="secrets/strategy-gateway: expected a file with a secret"):
        found.secret(found.credentials.strategy.gateway)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "strategy-gateway").write_text("\n")
    with pytest.raises(
        ConfigurationError, match="secrets/strategy-gateway: expected a secret, found an empty file"
    ):
        found.secret(found.credentials.strategy.gateway)


def test_the_environment_may_not_name_another_halt_file(tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(filled())
    load(path, {"EXECUTION_HALTED_FILE": str(tmp_path / "EXECUTION_HALTED")})
    for other in (str(tmp_path / "other"), "", "EXECUTION_HALTED"):
        with pytest.raises(
            ConfigurationError, match=r"EXECUTION_HALTED_FILE: expected .*/EXECUTION_HALTED, as"
        ):
            load(path, {"EXECUTION_HALTED_FILE": other})


def test_the_state_lies_where_the_environment_says_or_in_var() -> None:
    assert home({"AGENTTRADER_HOME": "/srv/desk"}) == Path("/srv/desk")
    assert home({}) == Path.cwd() / "var"
    assert home({"AGENTTRADER_HOME": ""}) == Path.cwd() / "var"


def test_the_template_can_be_read_on_a_screen_and_holds_no_secret() -> None:
    lines = demo_template().splitlines()
    assert max(map(len, lines)) <= LONGEST_LINE
    assert hashlib.sha256(b"").hexdigest() not in demo_template()
