"""What rules of configuration and journal, and what of the configuration waits."""

from decimal import Decimal
from typing import Any

from msgspec import structs

from agenttrader.gateway.tightness import Direction, direction_of
from agenttrader.model.approvals import ApprovalTerms
from agenttrader.model.authority import Mode
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.orders import OrderType
from agenttrader.model.ruling import RulingChange
from agenttrader.runtime.rule_values import ruled, said_by, values_of, waiting, with_values
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.ruling import Ruling, checks_gone
from agenttrader.testing.builders import (
    AGENT,
    ALFA,
    EXITS,
    OTHER_AGENT,
    PERSON,
    authority,
    grant,
    rules,
    segment,
)


def after(before: Rules) -> Ruling:
    """What rules where a segment began with the rules `before`."""
    ruling = Ruling()
    ruling.begin(structs.replace(segment(), rules=said_by(before, Ruling())))
    return ruling


def account(made: Rules, **changes: Any) -> Rules:
    limits = structs.replace(made.limits, account=structs.replace(made.limits.account, **changes))
    return structs.replace(made, limits=limits, limits_digest=limits.digest)


def test_every_value_is_there_and_makes_the_same_rules_again() -> None:
    made = rules()
    values = values_of(made)
    assert values["account.gross_exposure_max"] == "10000000"
    assert values[f"agent.{AGENT}.symbols"] == "ALFA,BRAVO"
    assert values["symbol.ALFA.shorting_permitted"] == "true"
    assert values["environment.mode_ceiling"] == "paper"
    again = with_values(made, values)
    assert values_of(again) == values
    assert again.limits.account == made.limits.account
    assert again.limits.symbol == made.limits.symbol
    assert (again.grants, again.breakers, again.authority) == (made.grants, made.breakers, made.authority)


def test_which_way_is_tighter_is_known_of_every_value() -> None:
    """A new one of which it is not known changes by signatures alone: say it in `gateway.tightness`.

    Whether a breaker closes what is held is tighter neither way, nor is how dearly a position may be left,
    nor one key than another.
    """
    fixed = [name for name in values_of(rules()) if direction_of(name) is Direction.FIXED]
    leaving = [f"symbol.{symbol}.reducing_price_collar_fraction_max" for symbol in rules().limits.symbol]
    assert fixed == ["breakers.flatten", f"person.{PERSON}.key", *sorted(leaving)]


def test_what_is_configured_rules_where_nothing_ruled_before() -> None:
    made = rules()
    assert ruled(made, Ruling()) is made
    assert ruled(made, after(made)) is made
    assert waiting(made, Ruling()) == waiting(made, after(made)) == ()


def test_a_wider_file_does_not_rule_and_waits() -> None:
    before = account(rules(), gross_exposure_max=Decimal(5000), open_orders_max=7)
    wider = account(rules(), gross_exposure_max=Decimal(9000), open_orders_max=3)
    found = ruled(wider, after(before))
    assert found.limits.account.gross_exposure_max == 5000
    assert found.limits.account.open_orders_max == 3
    assert found.limits_digest == found.limits.digest != wider.limits_digest
    assert waiting(wider, after(before)) == (RulingChange("account.gross_exposure_max", "5000", "9000"),)


def test_a_switch_that_was_wired_is_wired_until_persons_sign_and_another_is_at_once() -> None:
    made = structs.replace(rules(), wired_switches=("store", "file", "environment"))
    other = structs.replace(made, wired_switches=("store", "configmap"))
    name = "environment.wired_switches"
    found = ruled(other, after(made))
    assert found.wired_switches == ("store", "configmap", "environment", "file")
    # What waits would take two away; the one that is new rules already.
    assert waiting(other, after(made)) == (
        RulingChange(name, "configmap,environment,file,store", "configmap,store"),
    )
    assert ruled(made, after(made)) is made


def test_an_agent_that_is_new_may_nothing_and_waits() -> None:
    wide = rules()
    limits = structs.replace(wide.limits, agent={AGENT: wide.limits.agent[AGENT]})
    grants = {name: wide.grants[name] for name in (AGENT, EXITS)}
    before = structs.replace(wide, limits=limits, grants=grants)
    found = ruled(wide, after(before))
    assert OTHER_AGENT not in found.limits.agent
    assert found.grants == grants
    names = {change.name for change in waiting(wide, after(before))}
    assert f"agent.{OTHER_AGENT}.symbols" in names
    assert all(name.startswith(f"agent.{OTHER_AGENT}.") for name in names)


def test_wider_symbols_words_and_lists_wait_and_narrower_ones_rule() -> None:
    narrow = grant(ALFA, strategies=(), mode_ceiling=Mode.OBSERVE)
    made = rules()
    of_agent = structs.replace(made.limits.agent[AGENT], order_types=(OrderType.LIMIT,))
    limits = structs.replace(made.limits, agent={**made.limits.agent, AGENT: of_agent})
    before = structs.replace(made, grants={**made.grants, AGENT: narrow}, limits=limits)
    found = ruled(made, after(before))
    assert found.grants[AGENT] == narrow
    assert found.limits.agent[AGENT].order_types == (OrderType.LIMIT,)
    assert {change.name.rpartition(".")[2] for change in waiting(made, after(before))} == {
        "symbols",
        "strategies",
        "mode_ceiling",
        "order_types",
    }
    again = structs.replace(narrow, strategies=made.grants[AGENT].strategies)
    narrower = structs.replace(before, grants={**made.grants, AGENT: again})
    assert ruled(narrower, after(made)).grants[AGENT] == again
    assert waiting(narrower, after(made)) == ()


def test_no_file_rids_an_agent_of_its_strategys_limits() -> None:
    """An agent that runs none names none, and then no strategy's limits bind it."""
    made = rules()
    alone = structs.replace(made.grants[AGENT], strategies=frozenset())
    limits = structs.replace(made.limits, strategy={})
    without = structs.replace(made, grants={**made.grants, AGENT: alone}, limits=limits)
    found = ruled(without, after(made))
    assert found.grants[AGENT].strategies == made.grants[AGENT].strategies
    assert found.limits.strategy == {}  # A strategy without a row may open nothing.
    (change,) = waiting(without, after(made))
    assert change == RulingChange(f"agent.{AGENT}.strategies", "momentum", "")


def test_what_only_reduces_is_never_less() -> None:
    made = rules()
    before = structs.replace(made, limits=structs.replace(made.limits, symbol={}))
    found = ruled(made, after(before))
    assert found.limits.symbol == {}
    assert found.grants[EXITS] == made.grants[EXITS]


def test_the_environments_ceiling_and_the_breakers_are_among_it() -> None:
    low = structs.replace(rules(), authority=authority(ceiling=Mode.OBSERVE))
    assert ruled(rules(), after(low)).authority.ceiling is Mode.OBSERVE
    breakers = structs.replace(rules().breakers, soft_fraction=Decimal("0.001"))
    tight = structs.replace(rules(), breakers=breakers)
    assert ruled(rules(), after(tight)).breakers == breakers
    (change,) = waiting(rules(), after(tight))
    assert change.name == "breakers.soft_fraction"


def test_how_persons_are_asked_is_among_it_and_who_stands_behind_an_agent() -> None:
    terms = ApprovalTerms(expiry_seconds=60, adverse_move_fraction=Decimal("0.01"), persons_needed=2)
    asking = structs.replace(rules(), approvals=terms, authority=authority(requesters={AGENT: PERSON}))
    assert with_values(asking, values_of(asking)).approvals == terms
    lax = structs.replace(
        rules(), approvals=structs.replace(terms, persons_needed=1, expiry_seconds=30), authority=authority()
    )
    found = ruled(lax, after(asking))
    assert found.approvals == structs.replace(terms, expiry_seconds=30)
    assert found.authority.requesters == {AGENT: PERSON}
    assert [change.name for change in waiting(lax, after(asking))] == [
        f"agent.{AGENT}.requester",
        "approvals.persons_needed",
    ]
    assert ruled(asking, after(rules())).approvals is None


def test_a_check_that_is_gone_is_missed() -> None:
    ruling = after(rules())
    assert checks_gone(ruling) == ()
    assert ruling.base is not None
    ruling.base["program.checks"] += ",gravity"
    assert checks_gone(ruling) == ("gravity",)
    (change,) = waiting(rules(), ruling)
    assert change.name == "program.checks"


def test_a_symbol_and_an_agent_with_points_are_read_as_they_are_called() -> None:
    made, name = rules(), Symbol("BRK.B")
    limits = structs.replace(made.limits, symbol={name: made.limits.symbol[ALFA]})
    agent = AgentName("my.bot")
    limits = structs.replace(limits, agent={agent: made.limits.agent[AGENT]})
    pointed = structs.replace(made, limits=limits, grants={agent: grant(name)})
    again = with_values(pointed, values_of(pointed))
    assert set(again.limits.symbol) == {name}
    assert set(again.limits.agent) == {agent}
    assert again.grants == pointed.grants
