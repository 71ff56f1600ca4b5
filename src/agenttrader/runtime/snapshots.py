"""The snapshot that a decision is made on, built from the book's totals and the market's last word."""

from decimal import Decimal

from agenttrader.gateway.snapshot import LegView, ReplacedView, Snapshot
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Spread
from agenttrader.model.orders import Effect, Leg, Proposal, Role
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import SECOND, Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.losses import loss_at_stop, loss_of_entry
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.portfolio.scopes import agent_table
from agenttrader.runtime.carried import (
    expiry_exposure,
    groups_of,
    of_strategy,
    sides_of_account,
    sides_of_agent,
)
from agenttrader.runtime.halts import HaltStanding
from agenttrader.runtime.market_view import MarketView
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State


def take_snapshot(
    proposal: Proposal,
    state: State,
    market: MarketView,
    valued: MarkedBook,
    rules: Rules,
    standing: HaltStanding,
    buying_power: Decimal | None,
    now: Instant,
) -> Snapshot:
    """Everything that the checks may see for `proposal` at `now`."""
    book, agent, value = state.book, proposal.agent, valued.value()
    of_agent, of_account = agent_table(agent), sides_of_account(value, state)
    net_of_agent, sides_of_ours = valued.net_of(of_agent), sides_of_agent(agent, state, valued)
    longs, shorts = book.orders.open_longs, book.orders.open_shorts
    strategy = of_strategy(proposal.strategy, state, valued)
    window, today = state.standing.window, state.entries if state.day is not None else None
    waits = state.approvals.waiting.get(proposal.id)
    agent_minute, account_minute = state.decided_last_minute(agent, now)
    # By place where no two have one type: Python calls slowly with more than 15 by name.
    return Snapshot(
        now,
        waits is None and proposal.id in book.orders.by_id,
        rules.grant_of(agent),
        tuple([_leg_view(proposal, leg, state, market, valued, rules, now) for leg in proposal.legs]),
        standing.state,
        standing.reasons,
        standing.switches,
        window.statement if window is not None else None,
        window.suspended if window is not None else "",
        rules.authority.ceiling,
        _market(market, rules) if proposal.effect is Effect.OPEN else (),
        book.permits,
        session_at(rules.calendar, now),
        repeats=_repeats_of(proposal, state, rules, now),
        orders_last_minute_agent=agent_minute,
        orders_last_minute_account=account_minute,
        messages_last_minute_agent=state.messages.last_minute(agent, now),
        open_orders_agent=book.orders.open_count.get(agent, 0),
        open_orders_account=book.orders.open_count_total,
        entries_today_agent=None if today is None else today.count.get(agent, 0),
        entries_today_account=None if today is None else today.count_total,
        new_risk_today_agent=None if today is None else today.risk.get(agent, ZERO),
        new_risk_today_account=None if today is None else today.risk_total,
        gross_exposure_agent=valued.gross_of(of_agent) + book.orders.open_notional.get(agent, ZERO),
        gross_exposure_account=value.gross_exposure + book.orders.open_notional_total,
        net_long_agent=net_of_agent + longs.of(agent),
        net_short_agent=shorts.of(agent) - net_of_agent,
        net_long_account=value.net_exposure + longs.total,
        net_short_account=shorts.total - value.net_exposure,
        long_exposure_agent=sides_of_ours.long,
        short_exposure_agent=sides_of_ours.short,
        long_exposure_account=of_account.long,
        short_exposure_account=of_account.short,
        gross_exposure_strategy=strategy.gross_exposure,
        entries_today_strategy=strategy.entries_today,
        new_risk_today_strategy=strategy.new_risk_today,
        buying_power_fold=book.cash - book.orders.open_notional_total if book.is_open else None,
        buying_power_broker=buying_power,
        equity=value.equity if book.is_open else None,
        day_start_equity=state.day_start_equity,
        dead_machine_loss=_loss_of(proposal, valued),
        replaced=_replaced_by(proposal, book, market),
        approved_by=() if waits is None else waits.approved_by,
        persons_needed=0 if waits is None else waits.asked.shown.terms.persons_needed,
        limits_digest=rules.limits_digest,
        exits_unit=rules.has_exits_unit,
        prices=valued.untold(state.told),
        said=standing.said,
    )


def _market(market: MarketView, rules: Rules) -> tuple[tuple[Symbol, Decimal | None, Decimal | None], ...]:
    """What stands for the market, in the order of its names."""
    symbols = rules.limits.account.market_symbols
    return tuple([(each, market.prices.get(each), market.began.get(each)) for each in sorted(symbols)])


def _repeats_of(proposal: Proposal, state: State, rules: Rules, now: Instant) -> int | None:
    """How often the same was approved in the time that the agent's limit names; None where it has none."""
    limits = rules.limits.agent.get(proposal.agent)
    if limits is None:
        return None
    return state.entries.repeated(proposal, Instant(now - limits.repeat_seconds * SECOND))


def session_at(calendar: Calendar, now: Instant) -> Session | None:
    """The session whose hours cover `now`, the early and late ones too.

    None where the exchange is closed, and where the calendar does not know.
    """
    return calendar.session_around(now) if calendar.covers(now) else None


def _leg_view(
    proposal: Proposal,
    leg: Leg,
    state: State,
    market: MarketView,
    valued: MarkedBook,
    rules: Rules,
    now: Instant,
) -> LegView:
    symbol, book, enters = leg.symbol, state.book, proposal.effect is Effect.OPEN
    instrument, limits = rules.instruments.get(symbol), rules.limits.symbol.get(symbol)
    working = book.working(symbol)
    quantity = proposal.signed_quantity(leg)
    facing = book.facing(symbol, quantity)
    return LegView(
        symbol=symbol,
        quantity=quantity,
        instrument=None if isinstance(instrument, Spread) else instrument,
        status=market.statuses.get(symbol),
        mark=market.marks.get(symbol),
        position=book.position(symbol),
        open_buy=working.buys,
        open_sell=working.sells,
        opposed=book.is_opposed(symbol, quantity),
        facing=() if facing is None else (facing,),
        reducible=None if enters else reducible(proposal.effect, symbol, state),
        ranged=market.moves.range_of(symbol, limits.price_move_seconds, now)
        if limits is not None and enters
        else None,
        groups=groups_of(symbol, quantity, state, valued) if enters else (),
        expiry_exposure=expiry_exposure(instrument, state, valued) if enters else None,
        planned=proposal.effect is Effect.CLOSE and is_planned(book, symbol),
    )


def is_planned(book: Book, symbol: Symbol) -> bool:
    """Whether the position has an exit plan with a stop, by which an exits unit protects what stays of it."""
    tenure = book.tenure(symbol)
    return tenure is not None and tenure.plan is not None and tenure.plan.stop is not None


def reducible(effect: Effect, symbol: Symbol, state: State) -> Decimal | None:
    """Units that nothing works to reduce yet, of those that the broker holds, too; None: not known."""
    shared = state.shared(symbol)
    if shared is None:
        return None
    book = state.book
    ours = book.reducible(symbol, cancels_protection=effect is Effect.CLOSE)
    return max(ZERO, ours - (abs(book.position(symbol)) - shared))


def _loss_of(proposal: Proposal, valued: MarkedBook) -> Decimal | None:
    """What would be lost, gaps aside, if all of ours stopped; asked of what can add to it alone."""
    if proposal.effect is not Effect.OPEN and proposal.replaces is None:
        return None
    return valued.dead_machine_loss() + valued.book.orders.totals.loss()


def _replaced_by(proposal: Proposal, book: Book, market: MarketView) -> ReplacedView | None:
    if proposal.replaces is None:
        return None
    old, loss = book.orders.by_id[proposal.replaces], ZERO
    mark = market.prices.get(proposal.symbol)
    if old.adds_risk:
        loss = loss_of_entry(old)
    elif old.role is Role.STOP and mark is not None:
        loss = loss_at_stop(old, mark, book.multiplier(proposal.symbol))
    return ReplacedView(
        quantity=old.quantity,
        filled=old.filled,
        reserved=old.reserved,
        loss=loss,
        limit_price=old.limit_price,
        stop_price=old.stop_price,
        trail=old.trail_percent if old.trail_price is None else old.trail_price,
    )
