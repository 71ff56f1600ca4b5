"""Whatever files, restarts, tightenings and signatures come, nothing is looser that nobody signed for."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agenttrader.gateway.tightness import tighter
from agenttrader.model.authority import Mode, PersonRole
from agenttrader.model.identifiers import PersonName, Symbol
from agenttrader.model.ruling import LimitsLoosened, LooseningSigned
from agenttrader.runtime.rule_values import values_of
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import AGENT, PERSON, authority, rules
from agenttrader.testing.driver import Driver
from agenttrader.testing.ruling_driver import begun, day, loosen, tighten

BEN = PersonName("ben")
NUMBERS = st.integers(0, 4)
FILES = st.tuples(NUMBERS, st.frozensets(st.sampled_from(["ALFA", "BRAVO"])), st.sampled_from([*Mode][1:4]))
STEPS = st.lists(
    st.tuples(st.just("restart"), FILES)
    | st.tuples(st.just("tighten"), NUMBERS)
    | st.tuples(st.just("restrict"), st.sampled_from(["ALFA", "BRAVO"]))
    | st.tuples(st.just("sign"), st.sampled_from([PERSON, BEN])),
    min_size=1,
    max_size=12,
)


def made(file: tuple[int, frozenset[str], Mode]) -> Rules:
    """The rules of a configuration."""
    number, restricted, mode = file
    base = rules()
    account = structs.replace(
        base.limits.account, open_orders_max=number, restricted=frozenset(map(Symbol, restricted))
    )
    limits = structs.replace(base.limits, account=account)
    two = authority(people={PERSON: PersonRole.APPROVER, BEN: PersonRole.ADMIN})
    grants = {**base.grants, AGENT: structs.replace(base.grants[AGENT], mode_ceiling=mode)}
    return structs.replace(base, limits=limits, limits_digest=limits.digest, authority=two, grants=grants)


def done(driver: Driver, step: tuple[str, object]) -> Driver:
    match step:
        case "restart", (int() as number, frozenset() as restricted, Mode() as mode):
            return day(begun(made((number, restricted, mode)), driver))
        case "tighten", int() as number:
            tighten(driver, "account.open_orders_max", str(number))
        case "restrict", str() as symbol:
            tighten(driver, "account.restricted", symbol)
        case "sign", str() as person:
            loosen(driver, person=person)
        case _:
            raise AssertionError(step)
    return driver


@settings(max_examples=40, deadline=None)
@given(first=FILES, steps=STEPS)
def test_nothing_is_looser_than_before_but_by_two_persons_signatures(
    first: tuple[int, frozenset[str], Mode], steps: list[tuple[str, object]]
) -> None:
    driver = day(begun(made(first)))
    for step in steps:
        before, known = values_of(driver.engine.rules), len(driver.records)
        driver = done(driver, step)
        after = values_of(driver.engine.rules)
        loosened = [each.event for each in driver.records[known:] if isinstance(each.event, LimitsLoosened)]
        allowed = {change.name: change.after for event in loosened for change in event.changes}
        for name, value in after.items():
            is_tighter = tighter(name, before[name], value) == value
            assert is_tighter or allowed.get(name) is not None, (step, name, before[name], value)
        for event in loosened:
            assert len({*signers(driver, event), event.signed.statement.person}) == 2
        assert values_of(begun(driver.engine.configured, driver).engine.rules) == after


def signers(driver: Driver, loosened: LimitsLoosened) -> set[PersonName]:
    """Who had signed for exactly that before."""
    about = loosened.signed.statement.about
    return {
        each.event.signed.statement.person
        for each in driver.records
        if isinstance(each.event, LooseningSigned) and each.event.signed.statement.about == about
    }
