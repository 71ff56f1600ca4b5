"""What is shown of the limits: what rules, what the totals say is used, and to whom."""

from collections.abc import AsyncIterator
from decimal import ROUND_CEILING, Decimal

import pytest
from msgspec import structs

from agenttrader.app.gateway.limit_views import limits_of, tighten
from agenttrader.gateway.limits import GroupLimits, GroupName
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName
from agenttrader.model.orders import ExitPlan, OrderType
from agenttrader.protocols.limit_bodies import LimitBody, TightenBody
from agenttrader.protocols.native import encode, to_body
from agenttrader.testing.builders import AGENT, ALFA, OTHER_AGENT, STRATEGY, authority, proposal, rules
from agenttrader.testing.small_gateway import SmallGateway


@pytest.fixture
async def gateway() -> AsyncIterator[SmallGateway]:
    shares = GroupLimits(
        symbols=frozenset({ALFA}),
        gross_exposure_max=Decimal(5_000),
        net_exposure_max=Decimal(5_000),
        daily_orders_max=100,
        daily_new_risk_max=Decimal(5_000),
    )
    limits = structs.replace(rules().limits, group={GroupName("shares"): shares})
    made = SmallGateway(answer_wait_seconds=0.05, limits=limits, limits_digest=limits.digest)
    await made.trade()
    made.broker.on_submit = made.accept
    yield made
    await made.stop()


def shown(gateway: SmallGateway, agent: AgentName | None = None) -> dict[str, LimitBody]:
    return {each.name: each for each in limits_of(gateway.desk, agent).limits}


async def propose(gateway: SmallGateway, number: int, **changes: object) -> None:
    await gateway.desk.propose(encode(to_body(proposal(number, **changes))), AGENT)


async def test_every_limit_is_shown_with_what_is_used_by_hand_made_numbers(gateway: SmallGateway) -> None:
    """Ten held at 100 with a stop at 95, and a limit order for five at 90 with a stop at 80."""
    await propose(gateway, 1)
    gateway.fill(gateway.broker.sent[-1])
    await gateway.settle()
    plan = ExitPlan(stop=Decimal(80))
    limit = {"type": OrderType.LIMIT, "limit_price": Decimal(90), "quantity": Decimal(5), "exit_plan": plan}
    await propose(gateway, 2, **limit)
    found = shown(gateway)
    equity = gateway.desk.session.engine.valued.value().equity
    assert equity is not None
    part_of_equity = (15 * Decimal(100) / equity).quantize(Decimal("0.0001"), ROUND_CEILING)
    assert part_of_equity > 0
    used: dict[str, Decimal | int] = {
        "account.gross_exposure_max": 1_000 + 500,
        "account.net_exposure_max": 1_000 + 500,
        "account.dead_machine_loss_max": 50 + 5 * 20,
        "account.orders_per_minute_max": 2,
        "account.open_orders_max": 1,
        "account.daily_orders_max": 2,
        "account.daily_new_risk_max": 1_000 + 500,
        "account.daily_loss_max": 0,
        "account.concentration_fraction_max": part_of_equity,
        "account.expiry_exposure_max": 0,
        f"agent.{AGENT}.gross_exposure_max": 1_500,
        f"agent.{AGENT}.net_exposure_max": 1_500,
        f"agent.{AGENT}.open_orders_max": 1,
        f"agent.{AGENT}.orders_per_minute_max": 2,
        f"agent.{AGENT}.messages_per_minute_max": 2,
        f"agent.{OTHER_AGENT}.gross_exposure_max": 0,
        f"agent.{OTHER_AGENT}.daily_orders_max": 0,
        "account.long_exposure_max": 1_500,
        "account.short_exposure_max": 0,
        f"agent.{AGENT}.long_exposure_max": 1_500,
        f"agent.{OTHER_AGENT}.short_exposure_max": 0,
        "group.shares.gross_exposure_max": 1_500,
        "group.shares.net_exposure_max": 1_500,
        "group.shares.daily_orders_max": 2,
        "group.shares.daily_new_risk_max": 1_500,
        f"strategy.{STRATEGY}.gross_exposure_max": 1_500,
        f"strategy.{STRATEGY}.daily_orders_max": 2,
        f"strategy.{STRATEGY}.daily_new_risk_max": 1_500,
        "symbol.ALFA.position_quantity_max": 15,
        "symbol.BRAVO.position_quantity_max": 0,
    }
    assert {name: found[name].used for name in used} == used
    for name, amount in used.items():
        assert found[name].left == Decimal(found[name].value) - amount
    assert (found["symbol.ALFA.order_quantity_max"].used, found["account.restricted"].value) == (None, "")


async def test_what_is_used_is_what_a_check_observes_less_the_order(gateway: SmallGateway) -> None:
    await propose(gateway, 1)
    found = shown(gateway)
    answer = await gateway.desk.propose(encode(to_body(proposal(2))), AGENT)
    checks = {each.code: each for each in answer.decision.checks}
    for name, code, own in (
        ("account.gross_exposure_max", "gross_exposure_account", 1_000),
        (f"agent.{AGENT}.net_exposure_max", "net_exposure_agent", 1_000),
        ("account.daily_orders_max", "daily_orders_account", 1),
        ("account.daily_new_risk_max", "daily_new_risk_account", 1_000),
        ("symbol.ALFA.position_quantity_max", "position", 10),
        ("account.dead_machine_loss_max", "dead_machine_loss", 50),
        ("account.orders_per_minute_max", "order_rate_account", 1),
        (f"agent.{AGENT}.orders_per_minute_max", "order_rate_agent", 1),
    ):
        used = found[name].used
        assert used is not None
        assert used + own == Decimal(str(checks[code].observed)), name


async def test_an_agent_is_shown_its_own_and_its_symbols_alone(gateway: SmallGateway) -> None:
    names = set(shown(gateway, AGENT))
    about = {".".join(name.split(".")[:2]) for name in names}
    assert about == {f"agent.{AGENT}", "strategy.momentum", "symbol.ALFA", "symbol.BRAVO"}
    body = limits_of(gateway.desk, AGENT)
    assert (body.waiting, body.loosening, body.missing) == ((), "", "")
    assert shown(gateway, AgentName("nobody")) == {}


async def test_tightening_is_answered_with_what_rules_now_and_who_made_it_so(gateway: SmallGateway) -> None:
    made = await tighten(gateway.desk, TightenBody("account.open_orders_max", "3", "a rough day"), "ada")
    assert (made.value, made.tightened) == ("3", "by ada from 1000: a rough day")
    assert shown(gateway)["account.open_orders_max"] == made
    for body in (
        TightenBody("account.open_orders_max", "4", "no"),
        TightenBody("account.open_orders_max", "2", " "),
        TightenBody("account.orders_max", "2", "why"),
    ):
        with pytest.raises(BadValue):
            await tighten(gateway.desk, body, "ada")
    assert shown(gateway)["account.open_orders_max"] == made


async def test_equity_that_is_not_known_leaves_the_days_loss_unknown(gateway: SmallGateway) -> None:
    await propose(gateway, 1)
    gateway.fill(gateway.broker.sent[-1])
    await gateway.settle()
    engine = gateway.session.engine
    del engine.market.prices[proposal().symbol]
    engine.valued.see(proposal().symbol)
    found = shown(gateway)["account.daily_loss_max"]
    assert (found.used, found.left) == (None, None)


async def test_a_single_person_is_named(gateway: SmallGateway) -> None:
    assert limits_of(gateway.desk, None).single_person is False
    gateway.session.engine.rules = structs.replace(rules(), authority=authority(persons=1))
    assert limits_of(gateway.desk, None).single_person is True


async def test_what_of_a_position_without_a_price_is_of_equity_nobody_knows(gateway: SmallGateway) -> None:
    await propose(gateway, 1)
    gateway.fill(gateway.broker.sent[-1])
    await gateway.settle()
    del gateway.desk.session.engine.market.prices[ALFA]
    gateway.desk.session.engine.valued.see(ALFA)
    found = shown(gateway)["account.concentration_fraction_max"]
    assert (found.used, found.left) == (None, None)
