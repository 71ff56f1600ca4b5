"""Whatever file comes after whatever was tightened: what is approved then was approved before, too."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from agenttrader.gateway.limits import GroupLimits, GroupName, StrategyLimits
from agenttrader.model.authority import Act, Approval, Mode
from agenttrader.model.identifiers import StrategyName, Symbol
from agenttrader.model.orders import Leg, OrderState, OrderType
from agenttrader.runtime.inputs import StatementGiven
from agenttrader.runtime.rules import Rules
from agenttrader.testing.builders import AGENT, ALFA, BRAVO, EXITS, proposal, rules, signed
from agenttrader.testing.driver import READY, Driver
from agenttrader.testing.ruling_driver import begun, tighten

ANY = Decimal(1_000_000)
SYMBOLS = (ALFA, BRAVO)
RUN = (StrategyName("carry"), StrategyName("momentum"))
FEW = st.sampled_from([frozenset({ALFA}), frozenset({BRAVO}), frozenset(SYMBOLS)])
NAMED = ("account.restricted", "group.tech.symbols", "group.oil.symbols")
TIGHTENINGS = st.lists(
    st.tuples(st.sampled_from(NAMED), st.sampled_from(["ALFA", "BRAVO"]))
    | st.sampled_from(
        [
            ("account.ungrouped_permitted", "false"),
            ("account.ungrouped_permitted", "false"),
            (f"agent.{AGENT}.order_types", "limit"),
            (f"agent.{AGENT}.approval", "manual"),
            ("environment.mode_ceiling", "observe"),
        ]
    ),
    max_size=3,
)


class File(NamedTuple):
    """What of a configuration says who may open what; all numbers are far away."""

    symbols: frozenset[Symbol]
    strategies: frozenset[StrategyName]
    groups: dict[GroupName, frozenset[Symbol]]
    ungrouped_permitted: bool
    restricted: frozenset[Symbol]
    order_types: tuple[OrderType, ...]
    approval: Approval
    mode_ceiling: Mode


MOSTLY_ALL = st.sampled_from([frozenset(SYMBOLS)] * 3 + [frozenset({ALFA}), frozenset({BRAVO})])
MOSTLY_NONE = st.sampled_from([frozenset[Symbol]()] * 3 + [frozenset({ALFA}), frozenset({BRAVO})])
FILES = st.builds(
    File,
    MOSTLY_ALL,
    st.frozensets(st.sampled_from(RUN)),
    st.fixed_dictionaries({GroupName("tech"): FEW}, optional={GroupName("oil"): FEW}),
    st.booleans(),
    MOSTLY_NONE,
    st.sampled_from([tuple(OrderType)] * 3 + [(OrderType.LIMIT,)]),
    st.sampled_from([Approval.AUTO] * 3 + [Approval.MANUAL]),
    st.sampled_from([Mode.PAPER] * 3 + [Mode.OBSERVE]),
)


def made(file: File) -> Rules:
    base = rules()
    limits = structs.replace(
        base.limits,
        account=structs.replace(
            base.limits.account,
            ungrouped_permitted=file.ungrouped_permitted,
            restricted=file.restricted,
        ),
        agent={AGENT: structs.replace(base.limits.agent[AGENT], order_types=file.order_types)},
        group={
            name: GroupLimits(
                symbols=symbols,
                gross_exposure_max=ANY,
                net_exposure_max=ANY,
                daily_orders_max=1_000,
                daily_new_risk_max=ANY,
            )
            for name, symbols in file.groups.items()
        },
        strategy={
            name: StrategyLimits(gross_exposure_max=ANY, daily_orders_max=1_000, daily_new_risk_max=ANY)
            for name in file.strategies
        },
    )
    grant = structs.replace(
        base.grants[AGENT],
        symbols=file.symbols,
        strategies=file.strategies,
        approval=file.approval,
        mode_ceiling=file.mode_ceiling,
    )
    grants = {AGENT: grant, EXITS: base.grants[EXITS]}
    return structs.replace(base, limits=limits, limits_digest=limits.digest, grants=grants)


def trading(driver: Driver, epoch: int) -> Driver:
    """The same in a window of its own."""
    window = StatementGiven(signed(Act.OPEN_WINDOW, epoch=epoch, nonce=f"window-{epoch}"))
    driver.give(*(window if isinstance(each, StatementGiven) else each for each in READY))
    return driver


def approved(driver: Driver) -> set[tuple[Symbol, StrategyName]]:
    """Of every symbol and strategy, those in which the agent may open."""
    tried = [(symbol, name) for symbol in SYMBOLS for name in (*RUN, StrategyName(""))]
    first = len(driver.records)
    entries = {
        (symbol, name): proposal(number, legs=(Leg(symbol),), strategy=name)
        for number, (symbol, name) in enumerate(tried, first)
    }
    for entry in entries.values():
        driver.propose(entry)
    return {each for each, entry in entries.items() if driver.order(entry.id).state is OrderState.SENDING}


TECH = GroupName("tech")
ALL = File(
    frozenset(SYMBOLS),
    frozenset(RUN),
    {TECH: frozenset({ALFA})},
    ungrouped_permitted=True,
    restricted=frozenset(),
    order_types=tuple(OrderType),
    approval=Approval.AUTO,
    mode_ceiling=Mode.PAPER,
)
SHUT, INTO_TECH = ("account.ungrouped_permitted", "false"), ("group.tech.symbols", "BRAVO")
WIDER = ALL._replace(groups={TECH: frozenset(SYMBOLS)})


@settings(max_examples=60, deadline=None)
@example(first=ALL, tightenings=[SHUT, INTO_TECH], other=ALL, changed=[])
@example(first=ALL, tightenings=[SHUT], other=WIDER, changed=["groups"])
@example(first=ALL, tightenings=[], other=ALL._replace(strategies=frozenset()), changed=["strategies"])
@given(
    first=FILES,
    tightenings=TIGHTENINGS,
    other=FILES,
    changed=st.lists(st.sampled_from(File._fields), max_size=2, unique=True),
)
def test_nothing_is_approved_after_a_tightening_or_a_restart_that_was_not_before(
    first: File, tightenings: list[tuple[str, str]], other: File, changed: list[str]
) -> None:
    running, stopped = trading(begun(made(first)), 1), begun(made(first))
    may = approved(running)
    for name, value in tightenings:
        assert tighten(running, name, value) == tighten(stopped, name, value)
        before, may = may, approved(running)
        assert may <= before
    then = first._replace(**{name: getattr(other, name) for name in changed})
    assert approved(trading(begun(made(then), stopped), 2)) <= may
