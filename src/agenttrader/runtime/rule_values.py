"""What rules: of the configuration and of what ruled before, the tighter, value by value.

What the configuration has looser does not rule: it waits until persons have signed for it, and until then the
gateway goes on by what ruled before. A limit that a person tightened rules over restarts for the same reason.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct, structs

from agenttrader.gateway.breakers import BreakerLimits
from agenttrader.gateway.checks.catalog import CHECKS
from agenttrader.gateway.limits import Grant, Limits
from agenttrader.gateway.tightness import list_of, names_in, scope_of, tighter, tightest
from agenttrader.model.approvals import ApprovalTerms
from agenttrader.model.authority import Approval, Mode, PersonRole
from agenttrader.model.identifiers import AgentName, PersonName, StrategyName, Symbol
from agenttrader.model.ruling import RulingChange, RulingValue
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.ruling import CHECKS_NAME, Ruling
from agenttrader.runtime.statements import Authority

_LISTS = (tuple, frozenset)
_OF_GRANTS = ("symbols", "strategies", "mode_ceiling", "approval")
_APPROVALS_NAME = "approvals.persons_needed"
CEILING_NAME = "environment.mode_ceiling"
_PEOPLE_NAME = "environment.people"
_SWITCHES_NAME = "environment.wired_switches"


def values_of(rules: Rules) -> dict[str, str]:
    """Every limit, breaker and ceiling of the rules by its name, as text, in the names' order."""
    found = {CEILING_NAME: rules.authority.ceiling.value}
    found[CHECKS_NAME] = list_of(frozenset(rule.code for rule in CHECKS))
    found |= _texts("breakers", rules.breakers)
    if rules.approvals is not None:
        found |= _texts("approvals", rules.approvals)
    found[_PEOPLE_NAME] = str(rules.authority.persons)
    found[_SWITCHES_NAME] = list_of(frozenset(rules.wired_switches))
    for person, role in rules.authority.people.items():
        found[f"person.{person}.role"] = role.value
        found[f"person.{person}.key"] = rules.authority.keys.get(person, "")
    found |= {f"agent.{agent}.requester": name for agent, name in rules.authority.requesters.items()}
    for field in structs.fields(Limits):
        table = getattr(rules.limits, field.name)
        rows = table if isinstance(table, dict) else {"": table}
        for name, row in rows.items():
            found |= _texts(f"{field.name}.{name}" if name else field.name, row)
    for agent, grant in rules.grants.items():
        if not grant.reduces_only:
            found |= _texts_of_grant(agent, grant)
    return dict(sorted(found.items()))


def said_by(rules: Rules, ruling: Ruling) -> tuple[RulingValue, ...]:
    """What a segment says at its start that begins with these configured rules after that ruling."""
    return tuple(RulingValue(name, value) for name, value in _ruled(values_of(rules), ruling).items())


def ruled(configured: Rules, ruling: Ruling) -> Rules:
    """The rules to go by. Those that are configured, themselves, where nothing tighter ruled before."""
    if ruling.base is None and not ruling.tightened:
        return configured
    wanted = values_of(configured)
    found = _ruled(wanted, ruling)
    return configured if found == wanted else with_values(configured, found)


def with_values(rules: Rules, values: Mapping[str, str]) -> Rules:
    """The rules with these values instead. Raises msgspec.ValidationError where one of them cannot be."""
    limits = _limits(values)
    grants = {name: _grant(name, grant, values) for name, grant in rules.grants.items()}
    return structs.replace(
        rules,
        limits=limits,
        limits_digest=limits.digest,
        breakers=_row(BreakerLimits, "breakers", values),
        grants={name: grant for name, grant in grants.items() if grant is not None},
        wired_switches=_switches(rules.wired_switches, names_in(values[_SWITCHES_NAME])),
        approvals=_row(ApprovalTerms, "approvals", values) if _APPROVALS_NAME in values else None,
        authority=structs.replace(
            rules.authority,
            ceiling=Mode(values[CEILING_NAME]),
            requesters=_requesters(values),
            persons=int(values[_PEOPLE_NAME]),
            people=_people(rules.authority, values),
        ),
    )


def waiting(configured: Rules, ruling: Ruling) -> tuple[RulingChange, ...]:
    """What the configuration has looser than what this segment began with: it rules when it is signed for."""
    if ruling.base is None:
        return ()
    base, wanted = ruling.base, values_of(configured)
    rules = tightest(base, wanted)
    return tuple(
        RulingChange(name, rules.get(name), wanted.get(name))
        for name in sorted({*rules, *wanted})
        if rules.get(name) != wanted.get(name)
    )


def _ruled(wanted: dict[str, str], ruling: Ruling) -> dict[str, str]:
    # What persons tightened ruled, too, when the file came: a file may be looser beside it than without.
    before = dict(wanted if ruling.base is None else ruling.base)
    for name, value in ruling.tightened.items():
        if name in before:
            before[name] = tighter(name, value, before[name])
    return tightest(before, wanted)


def text_of(value: object) -> str:
    """A value of a limit as a person writes it."""
    match value:
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value.normalize():f}"
        case Enum():
            return str(value.value)
        case tuple() | frozenset():
            return list_of(frozenset(map(text_of, value)))
        case _:
            return str(value)


def _texts(scope: str, row: Struct) -> Iterator[tuple[str, str]]:
    for field in structs.fields(row):
        value = getattr(row, field.name)
        if value is not None:
            yield f"{scope}.{field.name}", text_of(value)


def _texts_of_grant(agent: AgentName, grant: Grant) -> dict[str, str]:
    return {f"agent.{agent}.{key}": text_of(getattr(grant, key)) for key in _OF_GRANTS}


def _limits(values: Mapping[str, str]) -> Limits:
    tables: dict[str, Any] = {}
    of_grants = tuple(f".{key}" for key in (*_OF_GRANTS, "requester"))
    scopes = sorted({scope_of(name) for name in values if not name.endswith(of_grants)})
    for field in structs.fields(Limits):
        if get_origin(field.type) is not dict:
            tables[field.name] = _row(field.type, field.name, values)
            continue
        _, kind = get_args(field.type)
        own = [scope for scope in scopes if scope.startswith(f"{field.name}.")]
        tables[field.name] = {scope.partition(".")[2]: _row(kind, scope, values) for scope in own}
    return Limits(**tables)


def _row(kind: type[Any], scope: str, values: Mapping[str, str]) -> Any:
    """The row of a table; what the program does not know any more is left out."""
    found: dict[str, object] = {}
    for field in structs.fields(kind):
        value = values.get(f"{scope}.{field.name}")
        if value is not None:
            is_list = get_origin(field.type) in _LISTS
            found[field.name] = sorted(names_in(value)) if is_list else value
    return msgspec.convert(found, kind, strict=False)


def _people(authority: Authority, values: Mapping[str, str]) -> dict[PersonName, PersonRole]:
    """Who counts: who was let in, with the very key, and in the lesser role."""
    return {
        name: PersonRole(values[f"person.{name}.role"])
        for name in authority.people
        if values.get(f"person.{name}.key") == authority.keys.get(name, "")
    }


def _switches(configured: tuple[str, ...], ruled: frozenset[str]) -> tuple[str, ...]:
    """Those that are configured, and those that were wired before: what nobody reads any more halts."""
    return (*(name for name in configured if name in ruled), *sorted(ruled - frozenset(configured)))


def _requesters(values: Mapping[str, str]) -> dict[AgentName, PersonName]:
    return {
        AgentName(scope_of(name).partition(".")[2]): PersonName(value)
        for name, value in values.items()
        if name.startswith("agent.") and name.endswith(".requester")
    }


def _grant(name: AgentName, grant: Grant, values: Mapping[str, str]) -> Grant | None:
    """The grant as far as it rules; None where nothing of the agent does. What only reduces is never less."""
    symbols = values.get(f"agent.{name}.symbols")
    if grant.reduces_only:
        return grant
    if symbols is None:
        return None
    return structs.replace(
        grant,
        symbols=frozenset(map(Symbol, names_in(symbols))),
        strategies=frozenset(map(StrategyName, names_in(values[f"agent.{name}.strategies"]))),
        mode_ceiling=Mode(values[f"agent.{name}.mode_ceiling"]),
        approval=Approval(values[f"agent.{name}.approval"]),
    )
