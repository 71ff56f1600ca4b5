"""A person makes a limit tighter while everything runs: easy, on record, and in force for the next decision.

What works already goes on; only what is decided from then on is held to it.
"""

import difflib

import msgspec

from agenttrader.gateway.tightness import (
    WORDS,
    Direction,
    direction_of,
    kind_of,
    list_of,
    names_in,
    tightest,
)
from agenttrader.model.authority import Approval
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.model.ruling import LimitTightened, RulingChange
from agenttrader.model.values import exact
from agenttrader.runtime.inputs import TightenAsked
from agenttrader.runtime.rule_values import text_of, values_of, with_values
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.waiting import approvers_beside

NOTHING = "none"
"""How a list without names is written."""
LOOSENING = (
    "loosening is a file, a restart and signatures: write it into the configuration, start the gateway "
    "again, then sign (`agenttrader limits loosen ID`)"
)
_BY_FILE_ALONE = {
    "agent.symbols": "its agent could not leave what it holds there; put the symbol onto account.restricted",
    "agent.strategies": "its agent could not leave what the strategy holds; halt the strategy",
    "program.checks": "they are the program's own",
    "person.role": "whoever would sign for the way back may be the one",
    "person.key": "it is who the person is",
    "environment.people": "it says who there is",
    "environment.wired_switches": "nothing reads another one before the next start",
}
"""What is not tightened while the gateway runs, and why."""


def tightened(asked: TightenAsked, rules: Rules) -> LimitTightened | str:
    """The record of it, or the sentence with which it is refused; `rules` are those that rule."""
    values = values_of(rules)
    try:
        after = _after(asked, values, rules)
        _require_approvers(rules, with_values(rules, {**values, asked.name: after}))
    except BadValue as error:
        return str(error)
    except msgspec.ValidationError as error:
        return f"{asked.name}: {asked.value!r} cannot be: {error}"
    change = RulingChange(asked.name, values[asked.name], after)
    return LimitTightened(change=change, by=asked.by, reason=asked.reason)


def _after(asked: TightenAsked, values: dict[str, str], rules: Rules) -> str:
    """The new value. Raises BadValue."""
    name, before = asked.name, values.get(asked.name)
    if before is None:
        near = difflib.get_close_matches(name, values, n=1, cutoff=0.0)
        raise BadValue(f"{name[:60]!r}: expected the name of a limit, such as {near[0]}; see `limits show`")
    kind = f"{kind_of(name)}.{name.rpartition('.')[2]}"
    if (why := _BY_FILE_ALONE.get(kind)) is not None:
        raise BadValue(f"{name}: it is tightened by the file and a restart alone: {why}")
    wanted = _read(asked, before, rules)
    # Beside all else that rules: what makes one value tighter may loosen another.
    after = tightest(values, {**values, name: wanted})[name]
    if after == before or after != wanted:
        way = direction_of(name).value
        raise BadValue(f"{name}: expected {way} than {before or NOTHING}, found {asked.value}; {LOOSENING}")
    return after


def _read(asked: TightenAsked, before: str, rules: Rules) -> str:
    """The value as it would rule. Raises BadValue."""
    name, value = asked.name, asked.value
    match direction_of(name):
        case Direction.LESS | Direction.MORE:
            return text_of(exact(value, name))
        case Direction.ALSO:
            _require_instruments(name, names_in(value), rules)
            return list_of(names_in(before) | names_in(value))
        case Direction.FEWER:
            return list_of(names_in("" if value == NOTHING else value))
        case Direction.WORD:
            known = next((words for words in WORDS if before in words), ())
            if value not in known:
                raise BadValue(f"{name}: expected one of {', '.join(known)}, found {value!r}")
            return value
        case Direction.FIXED:
            raise BadValue(
                f"{name}: which of two values is the tighter nobody can say; it changes by the file, a "
                "restart and signatures alone"
            )


def _require_approvers(before: Rules, after: Rules) -> None:
    """Raise BadValue where entries would wait for persons, and nobody could be asked.

    The configuration is held to the same. All would be denied, and only a restart and signatures, of one
    person alone in two sessions, undo that: a halt denies as much, and is lifted in a minute.
    """
    for agent in after.grants:
        why = _unanswerable(after, agent)
        if why and not _unanswerable(before, agent):
            raise BadValue(
                f"agent.{agent}.approval: expected somebody who can approve its entries, found that {why}: "
                f"all would be denied; stop them by a halt instead (`agenttrader halt --scope agent:{agent}`)"
            )


def _unanswerable(rules: Rules, agent: AgentName) -> str:
    """Why nobody can approve an entry of the agent that needs it; empty where none does, or somebody can."""
    if rules.grants[agent].approval is Approval.AUTO:
        return ""
    requester = rules.authority.requesters.get(agent)
    if rules.approvals is None or requester is None:
        missing = "[approvals]" if rules.approvals is None else f"[agents.{agent}] requester"
        return f"the configuration has no {missing}"
    others = approvers_beside(requester, rules.authority.people)
    if len(others) >= rules.approvals.persons_needed:
        return ""
    found = ", ".join(sorted(others)) or "nobody"
    return f"{rules.approvals.persons_needed} must, and besides {requester}, its requester, {found} may"


def _require_instruments(name: str, symbols: frozenset[str], rules: Rules) -> None:
    """A misspelt symbol would restrict nothing, and look as if it did."""
    known = set(map(str, rules.instruments))
    for symbol in sorted(symbols - known):
        near = difflib.get_close_matches(symbol, known, n=1, cutoff=0.0)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise BadValue(f"{name}: expected a configured instrument, found {symbol!r}{hint}")
