"""The limits as somebody is shown them: what rules, how much of it is used now, and what waits.

What is used is read from the same totals that decisions are made on, without the order that is asked about.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal

from agenttrader.app.gateway.desk import Desk
from agenttrader.gateway.tightness import Direction, direction_of, kind_of, scope_of
from agenttrader.model.authority import still_missing
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.instruments import Option
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.scopes import agent_table, group_table, strategy_table
from agenttrader.protocols.limit_bodies import LimitBody, LimitsBody, TightenBody, WaitingBody
from agenttrader.runtime.carried import (
    Sides,
    expiry_exposure,
    gross_exposure,
    net_exposure,
    of_today,
    sides_of_account,
    sides_of_agent,
)
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import TightenAsked
from agenttrader.runtime.loosening import PERSONS, signatures
from agenttrader.runtime.rule_values import values_of, waiting
from agenttrader.runtime.ruling import loosening_id

_FRACTION_STEP = Decimal("0.0001")
"""A part of equity is shown as finely as that, rounded up."""
Used = Decimal | int | None
Reading = Callable[[Engine, str, Instant], Used]
"""What of a limit is used now; the text is the name in its scope."""


def limits_of(desk: Desk, agent: AgentName | None) -> LimitsBody:
    """What `agent` may see: its own limits and those of its symbols; None: a person, who sees all."""
    engine, now = desk.session.engine, desk.session.now or Instant(0)
    values = values_of(engine.rules)
    shown = [
        _limit(engine, name, value, now) for name, value in values.items() if _is_shown(engine, name, agent)
    ]
    digest = engine.rules.limits_digest
    if agent is not None:
        return LimitsBody(limits=tuple(shown), digest=digest)
    looser, authority = waiting(engine.configured, engine.state.ruling), engine.rules.authority
    name = loosening_id(looser)
    given = signatures(engine.state, name, authority.people)
    return LimitsBody(
        limits=tuple(shown),
        digest=digest,
        waiting=tuple(
            WaitingBody(name=each.name, rules=each.before, configured=each.after) for each in looser
        ),
        loosening=name,
        signed=tuple(each.person for each in given),
        missing=still_missing(given, PERSONS, authority.persons) if looser else "",
        single_person=authority.persons == 1,
    )


async def tighten(desk: Desk, asked: TightenBody, person: str) -> LimitBody:
    """Make a limit tighter; it rules the next decision, and is on record when this returns.

    Raises BadValue where it is not tighter, or cannot be.
    """
    if not asked.reason.strip():
        raise BadValue("reason: expected a text that says why, found none")
    outcome = await desk.session.ask(TightenAsked(asked.name, asked.value, person, asked.reason))
    if outcome.refusal:
        raise BadValue(outcome.refusal)
    engine = desk.session.engine
    value = values_of(engine.rules)[asked.name]
    return _limit(engine, asked.name, value, desk.session.now or Instant(0))


def _is_shown(engine: Engine, name: str, agent: AgentName | None) -> bool:
    if agent is None:
        return True
    grant = engine.rules.grant_of(agent)
    own = {f"agent.{agent}"} | {f"symbol.{symbol}" for symbol in (grant.symbols if grant else ())}
    own |= {f"strategy.{strategy}" for strategy in (grant.strategies if grant else ())}
    return scope_of(name) in own


def _limit(engine: Engine, name: str, value: str, now: Instant) -> LimitBody:
    reading = _USED.get(f"{kind_of(name)}.{name.rpartition('.')[2]}")
    used = None if reading is None else reading(engine, scope_of(name).partition(".")[2], now)
    amount = None if used is None else Decimal(used)
    counts = amount is not None and direction_of(name) is Direction.LESS
    why = engine.state.ruling.why.get(name)
    return LimitBody(
        name=name,
        value=value,
        used=amount,
        left=Decimal(value) - amount if counts and amount is not None else None,
        tightened="" if why is None else f"by {why.by} from {why.change.before or 'none'}: {why.reason}",
    )


def _account_orders(engine: Engine, _: str, now: Instant) -> Used:
    return engine.state.decided_last_minute(AgentName(""), now)[1]


def _agents_orders(engine: Engine, name: str, now: Instant) -> Used:
    return engine.state.decided_last_minute(AgentName(name), now)[0]


def _messages(engine: Engine, name: str, now: Instant) -> Used:
    return engine.state.messages.last_minute(AgentName(name), now)


def _gross(engine: Engine, name: str, _: Instant) -> Used:
    orders = engine.state.book.orders
    if not name:
        return engine.valued.value().gross_exposure + orders.open_notional_total
    held = engine.valued.gross_of(agent_table(AgentName(name)))
    return held + orders.open_notional.get(AgentName(name), ZERO)


def _net(engine: Engine, name: str, _: Instant) -> Used:
    """The larger of what it would be long, and short, if what enters that way fills."""
    orders, agent = engine.state.book.orders, AgentName(name)
    if not name:
        held = engine.valued.value().net_exposure
        return max(held + orders.open_longs.total, orders.open_shorts.total - held)
    held = engine.valued.net_of(agent_table(agent))
    return max(held + orders.open_longs.of(agent), orders.open_shorts.of(agent) - held)


def _sides(engine: Engine, name: str) -> Sides:
    if not name:
        return sides_of_account(engine.valued.value(), engine.state)
    return sides_of_agent(AgentName(name), engine.state, engine.valued)


def _long(engine: Engine, name: str, _: Instant) -> Used:
    return _sides(engine, name).long


def _short(engine: Engine, name: str, _: Instant) -> Used:
    return _sides(engine, name).short


def _gross_of_group(engine: Engine, name: str, _: Instant) -> Used:
    return gross_exposure(group_table(name), engine.state, engine.valued)


def _net_of_group(engine: Engine, name: str, _: Instant) -> Used:
    """The larger of what it would be long, and short, if what enters that way fills."""
    return max(net_exposure(group_table(name), way, engine.state, engine.valued) for way in (1, -1))


def _entries_of_group(engine: Engine, name: str, _: Instant) -> Used:
    return of_today(group_table(name), engine.state, engine.valued)[0]


def _new_risk_of_group(engine: Engine, name: str, _: Instant) -> Used:
    return of_today(group_table(name), engine.state, engine.valued)[1]


def _gross_of_strategy(engine: Engine, name: str, _: Instant) -> Used:
    return gross_exposure(strategy_table(StrategyName(name)), engine.state, engine.valued)


def _entries_of_strategy(engine: Engine, name: str, _: Instant) -> Used:
    return of_today(strategy_table(StrategyName(name)), engine.state, engine.valued)[0]


def _new_risk_of_strategy(engine: Engine, name: str, _: Instant) -> Used:
    return of_today(strategy_table(StrategyName(name)), engine.state, engine.valued)[1]


def _day_loss(engine: Engine, _: str, __: Instant) -> Used:
    start, equity = engine.state.day_start_equity, engine.valued.value().equity
    return None if start is None or equity is None else max(ZERO, start - equity)


def _machine_loss(engine: Engine, _: str, __: Instant) -> Used:
    return engine.valued.dead_machine_loss() + engine.state.book.orders.totals.loss()


def _open_orders(engine: Engine, name: str, _: Instant) -> Used:
    orders = engine.state.book.orders
    return orders.open_count.get(AgentName(name), 0) if name else orders.open_count_total


def _concentration(engine: Engine, _: str, __: Instant) -> Used:
    """The largest part of equity that one position would be, at its price now, if all that way fills."""
    book, equity, prices = engine.state.book, engine.valued.value().equity, engine.market.prices
    if equity is None or equity <= ZERO:
        return None
    parts = [ZERO]
    for symbol in engine.rules.instruments:
        units = _position(engine, symbol, Instant(0))
        if units:
            if symbol not in prices:
                return None
            parts.append(units * prices[symbol] * book.multiplier(symbol) / equity)
    return max(parts).quantize(_FRACTION_STEP, ROUND_CEILING)


def _expiries(engine: Engine, _: str, __: Instant) -> Used:
    """The most that options of one day carry."""
    options = [each for each in engine.rules.instruments.values() if isinstance(each, Option)]
    carried = (expiry_exposure(each, engine.state, engine.valued) or ZERO for each in options)
    return max(carried, default=ZERO)


def _entries(engine: Engine, name: str, _: Instant) -> Used:
    today = engine.state.entries
    if engine.state.day is None:
        return None
    return today.count.get(AgentName(name), 0) if name else today.count_total


def _new_risk(engine: Engine, name: str, _: Instant) -> Used:
    today = engine.state.entries
    if engine.state.day is None:
        return None
    return today.risk.get(AgentName(name), ZERO) if name else today.risk_total


def _position(engine: Engine, name: str, _: Instant) -> Decimal:
    """How far it would be long, or short, if every order that way fills."""
    book, symbol = engine.state.book, Symbol(name)
    held, working = book.position(symbol), book.working(symbol)
    return max(held + working.buys, working.sells - held)


_USED: dict[str, Reading] = {
    "account.gross_exposure_max": _gross,
    "account.net_exposure_max": _net,
    "account.long_exposure_max": _long,
    "account.short_exposure_max": _short,
    "account.concentration_fraction_max": _concentration,
    "account.expiry_exposure_max": _expiries,
    "account.daily_loss_max": _day_loss,
    "account.dead_machine_loss_max": _machine_loss,
    "account.orders_per_minute_max": _account_orders,
    "account.open_orders_max": _open_orders,
    "account.daily_orders_max": _entries,
    "account.daily_new_risk_max": _new_risk,
    "agent.gross_exposure_max": _gross,
    "agent.net_exposure_max": _net,
    "agent.long_exposure_max": _long,
    "agent.short_exposure_max": _short,
    "agent.orders_per_minute_max": _agents_orders,
    "agent.messages_per_minute_max": _messages,
    "agent.open_orders_max": _open_orders,
    "agent.daily_orders_max": _entries,
    "agent.daily_new_risk_max": _new_risk,
    "group.gross_exposure_max": _gross_of_group,
    "group.net_exposure_max": _net_of_group,
    "group.daily_orders_max": _entries_of_group,
    "group.daily_new_risk_max": _new_risk_of_group,
    "strategy.gross_exposure_max": _gross_of_strategy,
    "strategy.daily_orders_max": _entries_of_strategy,
    "strategy.daily_new_risk_max": _new_risk_of_strategy,
    "symbol.position_quantity_max": _position,
    "breakers.day_loss_max": _day_loss,
}
"""What is used up, by kind and key. A limit that holds for each order by itself is not among them."""
