"""The pages and the program say the same: what a page names exists, and what a user meets is on a page.

Each test holds both ways where it can: a check, key, route, verb or code that is on no page fails, and so
does a page that names one that is gone.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, cast, get_args, get_origin

import msgspec
import pytest
import typer.main
from msgspec import Struct

from agenttrader.api import gateway, venue_entrance
from agenttrader.api.approvals import approvals_routes
from agenttrader.api.callers import Keys
from agenttrader.api.limits import limits_routes
from agenttrader.app.credential_sections import KeyFile, SecretSource
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.sections import Document
from agenttrader.app.venue.requests import _UNSUPPORTED_FIELDS
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.program import app
from agenttrader.gateway.checks.case import BY_STRATEGY, IN_GROUPS, OF_OPTIONS
from agenttrader.gateway.checks.catalog import ALL, CHECKS, CLOSES, ENTRIES, EXITS, RESTING, Rule
from agenttrader.gateway.limits import (
    AccountLimits,
    AgentLimits,
    GroupLimits,
    StrategyLimits,
    SymbolLimits,
)
from agenttrader.gateway.sentences import SENTENCES
from agenttrader.model.authority import MAY_MAKE_SMALLER, MAY_SIGN, Act, PersonRole
from agenttrader.model.breaks import BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import Event
from agenttrader.model.instruments import Equity
from agenttrader.strategies import expressions
from agenttrader.strategies.contract import Strategy
from agenttrader.strategies.momentum import Momentum

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "agenttrader"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
EVERY_PAGE = [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"]
WIDTH_MAX = 130
WHOLE = re.MULTILINE | re.DOTALL


def text_of(name: str) -> str:
    """The page, as it stands."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def plain(text: str) -> str:
    """The text without its line breaks and marks of quotation."""
    return " ".join(text.replace("\n> ", "\n").removeprefix("> ").split())


def section(page: str, heading: str) -> str:
    """What stands under a heading of the second level, up to the next."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, WHOLE)
    assert found is not None, f"expected a section {heading!r}"
    return found[1]


def same(described: Iterable[str], real: Iterable[str], what: str) -> None:
    """Fail, naming what is described and is not there, and what is there and not described."""
    said, found = set(described), set(real)
    lines = [f"{what} {each}: on the page, not in the program" for each in sorted(said - found)]
    lines += [f"{what} {each}: in the program, on no page" for each in sorted(found - said)]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


# Pages and what they name.


def anchors_of(page: Path) -> set[str]:
    """The fragments that a page's headings can be reached by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page in EVERY_PAGE:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in anchors_of(file)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def test_every_module_and_test_that_a_page_names_exists() -> None:
    missing = []
    for page in EVERY_PAGE:
        text = page.read_text(encoding="utf-8")
        missing += [
            f"{page.name}: {path}"
            for path in re.findall(r"`([a-z_/]+/[a-z_0-9]+\.(?:py|toml))`", text)
            if not (SOURCE / path).exists() and not (ROOT / path).exists()
        ]
        missing += [
            f"{page.name}: {path}::{name}"
            for path, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", text)
            if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text()
        ]
    assert not missing


def test_each_promise_has_its_place_its_tests_and_what_is_missing() -> None:
    promises = re.findall(r"^## (\d+)\. [^\n]+\n(.*?)(?=^## |\Z)", text_of("safety"), WHOLE)
    assert [number for number, _ in promises] == [str(number) for number in range(1, 12)]
    for number, body in promises:
        assert "- Kept in `" in body, number
        assert "::test_" in body, number
        assert "Not yet: " in body, number


def test_lines_can_be_read_on_a_screen() -> None:
    """But for tables, whose rows cannot be broken."""
    long = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in EVERY_PAGE
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDTH_MAX and not line.startswith("|")
    ]
    assert not long


def test_every_page_is_on_the_map() -> None:
    listed = re.findall(r"\]\(([\w-]+)\.md\)", text_of("index"))
    same(listed, (page.stem for page in (ROOT / "docs").glob("*.md") if page.stem != "index"), "page")


# Controls.

WHOM = {ALL: "every order", ENTRIES: "entries", EXITS: "exits", CLOSES: "closes", RESTING: "all but closes"}
OF = {0: "", IN_GROUPS: " in groups", BY_STRATEGY: " of strategies", OF_OPTIONS: " in options"}


def test_the_controls_are_the_catalogue_in_its_order() -> None:
    found = re.findall(r"^### `(\w+)`\n(.*?)(?=^#|\Z)", text_of("controls"), WHOLE)
    assert [code for code, _ in found] == [rule.code for rule in CHECKS]
    for (_, body), rule in zip(found, CHECKS, strict=True):
        assert_describes(body, rule)


def assert_describes(body: str, rule: Rule) -> None:
    """The statement, whom it binds, and the sentence of its denial."""
    said, _, quoted = body.strip().partition("\n\n")
    assert plain(said).startswith(f"{rule.statement} Binds {WHOM[rule.binds]}{OF[rule.matter]}."), rule.code
    assert plain(quoted) == SENTENCES[rule.code].failed, rule.code


def test_the_controls_name_every_limit_by_its_key() -> None:
    named = re.findall(r"`\[(limits\.[a-z]+(?:\.NAME)?)\] (\w+)`", text_of("controls"))
    same(
        (f"[{table}] {key}" for table, key in named),
        (f"[{table}] {key}" for table, limits in LIMITS.items() for key in limits.__struct_fields__),
        "limit",
    )


def test_every_key_that_the_controls_name_is_one() -> None:
    known = {f"[{table}] {key}" for table, keys in configured().items() for key in keys}
    named = re.findall(r"`(\[[a-z.]+(?:\.NAME)?\] \w+)`", text_of("controls"))
    assert not set(named) - known


# Configuration.

LIMITS: dict[str, type[Struct]] = {
    "limits.account": AccountLimits,
    "limits.agent.NAME": AgentLimits,
    "limits.strategy.NAME": StrategyLimits,
    "limits.group.NAME": GroupLimits,
    "limits.symbol.NAME": SymbolLimits,
}


@cache
def configured() -> dict[str, set[str]]:
    """Every table of a configuration with its keys; a table under a chosen name stands under NAME."""
    return dict(tables("", Document))


def tables(name: str, kind: type[Struct]) -> Iterator[tuple[str, set[str]]]:
    """The table and those in it. A key's id with its secret is explained where it is used."""
    keys: set[str] = set()
    for field in msgspec.structs.fields(kind):
        place = f"{name.strip('[]')}.{field.encode_name}".lstrip(".")
        inner = table_in(field.type)
        if inner is None:
            keys.add(field.encode_name)
        elif get_origin(field.type) is tuple:
            yield from tables(f"[{place}]", inner)
        elif get_origin(field.type) is dict:
            yield from tables(f"{place}.NAME", inner)
        else:
            yield from tables(place, inner)
    if kind is Equity:
        keys = {"type", "tick", "lot"}  # The others are never written for what this version trades.
    if keys:
        yield name, keys


def table_in(kind: Any) -> type[Struct] | None:
    """The struct that a field's value is or holds; None for a plain value."""
    for each in (kind, *reversed(get_args(kind))):
        if get_origin(each) in (UnionType, Literal):
            return table_in(get_args(each)[0]) if get_origin(each) is UnionType else None
        if isinstance(each, type) and issubclass(each, Struct) and each not in (KeyFile, SecretSource):
            return each
    return None


def test_every_key_of_the_configuration_is_explained() -> None:
    page = section(text_of("operations"), "Configuration")
    described: dict[str, set[str]] = {}
    for table, body in re.findall(r"^- `\[(\S+)\]`\n((?:  .*\n)+)", page, re.MULTILINE):
        described[table] = set()
        for item in re.findall(r"^  - (.*?)(?=^  - |\Z)", body, WHOLE):
            described[table] |= set(re.findall(r"`(\w+)`", item.partition(":")[0]))
    known = configured()
    same(described, known, "table")
    for table, keys in known.items():
        same(described[table], keys, f"[{table}]")


# What a user types and reads.


def verbs(command: Any, words: str = "agenttrader") -> Iterator[tuple[str, Any]]:
    """Every verb with its words, groups and their verbs too."""
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from verbs(inner, f"{words} {name}")


VERBS = dict(verbs(typer.main.get_command(app)))
COMPLETION = {"--install-completion", "--show-completion"}
"""Typer's own, explained by its own help."""


def test_every_verb_and_option_is_on_a_page() -> None:
    pages = "".join(
        text_of(name) for name in ("operations", "journal", "kill", "deciding", "policy", "worlds")
    )
    missing = [words for words in VERBS if words not in pages]
    missing += [
        f"{words} {option}"
        for words, command in VERBS.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option not in {"--help", *COMPLETION} and option not in pages
    ]
    assert not missing


def test_every_verb_that_a_page_names_is_one() -> None:
    wrong = [
        f"{page.name}: {words}"
        for page in EVERY_PAGE
        for words in re.findall(
            r"(?:^    (?:\./)?|`(?:\./)?)(agenttrader [a-z]+)", page.read_text(), re.MULTILINE
        )
        if words not in VERBS
    ]
    assert not wrong


def test_every_route_of_the_gateway_is_on_a_page() -> None:
    desk, keys = cast("Desk", None), Keys({}, {})
    several = (
        *(gateway._orders_routes, gateway._agents_routes),
        *(gateway._windows_routes, gateway._persons_routes, gateway._hands_routes),
        gateway._exits_routes,
        approvals_routes,
        limits_routes,
    )
    real = {
        f"{method} {path.replace(':str', '')}"
        for routes in several
        for handler in cast("list[Any]", routes(desk, keys))
        for path in handler.paths
        for method in getattr(handler, "http_methods", {"WS"})
    }
    headings = re.findall(r"^### (.*)$", section(text_of("operations"), "The /v1 API"), re.MULTILINE)
    same((named for heading in headings for named in re.findall(r"`([^`]+)`", heading)), real, "route")


def test_every_error_code_of_the_gateway_is_on_a_page() -> None:
    page = section(text_of("operations"), "The /v1 API")
    rows = re.findall(r"^\| ([\d, ]+) \| `(\w+)` \|", page, re.MULTILINE)
    real = {(str(status), code) for _, status, code in gateway._STATUS_OF_ERROR}
    real |= {("401", "not_permitted"), ("403", "forbidden"), ("500", "internal")}
    same(
        (f"{status} {code}" for status, code in rows if code != "http"),
        (f"{status} {code}" for status, code in real),
        "answer",
    )


def test_every_exit_code_is_on_a_page() -> None:
    rows = re.findall(r"^\| (\d) \|", section(text_of("operations"), "Exit codes"), re.MULTILINE)
    assert rows == [str(code.value) for code in ExitCode]


def test_every_trading_state_and_break_is_on_a_page() -> None:
    page = text_of("operations")
    states = re.findall(r"^\| `(\w+)` \|", section(page, "Halts"), re.MULTILINE)
    breaks = section(text_of("reconciliation"), "A break")
    same(states, (state.value for state in TradingState), "trading state")
    table = re.findall(r"^\| ((?:`\w+` ?)+)\|", breaks.partition("| kind | accepting it |")[0], re.MULTILINE)
    same(
        (kind for row in table for kind in re.findall(r"`(\w+)`", row)),
        (kind.value for kind in BreakKind),
        "break",
    )


def test_every_kind_of_record_is_on_a_page() -> None:
    paragraph = re.search(r"^Kinds: (.*?)\n\n", text_of("journal"), WHOLE)
    assert paragraph is not None
    listed = paragraph[1].partition(". A stored kind")[0]
    kinds = (str(kind.__struct_config__.tag).partition(".")[0] for kind in get_args(Event))
    same(re.findall(r"`(\w+)`", listed), kinds, "kind")


def test_whose_signature_counts_for_what_is_the_table_of_the_page() -> None:
    page, roles = text_of("persons"), tuple(PersonRole)
    listed: dict[Act, frozenset[PersonRole]] = {}
    for acts, *cells in re.findall(r"^\| (`.*?`) \|(.*?)\|(.*?)\|(.*?)\|(.*?)\|$", page, re.MULTILINE):
        permitted = frozenset(role for role, cell in zip(roles, cells, strict=True) if cell.strip() == "yes")
        listed |= {Act(name): permitted for name in re.findall(r"`(\w+)`", acts)}
    assert listed == MAY_SIGN
    assert frozenset(roles[1:]) == MAY_MAKE_SMALLER


def test_what_the_venue_refuses_by_name_is_on_a_page() -> None:
    page, named = text_of("brokers"), (*_UNSUPPORTED_FIELDS, *venue_entrance.KNOWN_ROUTES)
    assert not [name for name in named if f"`{name}`" not in page]


# Strategies.


def test_the_parameters_of_momentum_are_those_of_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) to (\S+) \|", text_of("strategies"), re.MULTILINE)
    real = [
        (name, str(it.default), str(it.low), str(it.high))
        for name, it in Momentum.declared_parameters.items()
    ]
    assert rows == real


def test_every_indicator_and_input_is_on_the_page() -> None:
    paragraph = text_of("strategies").partition("**Expressions.**")[2].partition("\n\n")[0]
    inputs = re.findall(r"`(\w+)`", paragraph.partition(" are ")[0])
    assert [name.rstrip("_") for name in inputs] == list(expressions.INPUTS)
    functions = {
        name
        for name, found in vars(expressions).items()
        if getattr(found, "__module__", "") == expressions.__name__ and hasattr(found, "__code__")
        if not name.startswith("_")
    }
    same(re.findall(r"`(\w+)\(", paragraph), functions, "indicator")


def test_the_example_is_a_strategy() -> None:
    code = re.search(r"```python\n(.*?)```", text_of("strategies"), re.DOTALL)
    assert code is not None
    namespace: dict[str, Any] = {"__name__": "crossover"}
    exec(code[1], namespace)  # noqa: S102  the page's own example
    kind = namespace["Crossover"]
    assert issubclass(kind, Strategy)
    assert [handler.name for handler in kind.declared_handlers] == ["enter", "leave", "end"]
    configuration = re.search(r"\[strategy.run.parameters\]\n(.*?)```", text_of("strategies"), re.DOTALL)
    assert configuration is not None
    assert set(re.findall(r"^(\w+) =", configuration[1], re.MULTILINE)) <= set(kind.declared_parameters)
