"""Closing everything where the ladder's last step was reached and `flatten` says so.

What is held is closed by the closing procedure, by orders of our own that are decided like everybody's; what
would enter is canceled. It goes by what is on record: a restart goes on with it, and no position is closed
twice, because while a close works there is no other. A close that is denied, or ends unfilled, is tried again
in another minute for as long as the latch stands; under it nothing can be opened.
"""

from collections.abc import Iterator

from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import StrategyName, Symbol, derive_agents_order_id
from agenttrader.model.instruments import CryptoPair
from agenttrader.model.orders import Effect, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import ZERO
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.breakers import DRAWDOWN, FLATTENER, Asked
from agenttrader.runtime.market_view import MarketView
from agenttrader.runtime.protection import is_closing
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State


def latch_behind(state: State, rules: Rules) -> Asked | None:
    """The latch by which everything is closed; None where nothing is."""
    account = Scope(ScopeKind.ACCOUNT, rules.authority.account)
    asked = state.breakers.tripped.get((DRAWDOWN, account))
    is_hard = asked is not None and asked.state is TradingState.HALTED
    return asked if rules.breakers.flatten and is_hard else None


def entries(state: State) -> tuple[Order, ...]:
    """What would enter still."""
    return tuple([order for order in state.book.orders.open_orders() if order.adds_risk])


def closes(state: State, rules: Rules, market: MarketView, now: Instant) -> Iterator[Proposal]:
    """A close of each position on which none works, where its market trades; once a minute."""
    latch = latch_behind(state, rules)
    if latch is None:
        return
    is_open = rules.calendar.covers(now) and rules.calendar.session_at(now) is not None
    for symbol in tuple(state.book.positions()):
        trades = is_open or isinstance(rules.instruments.get(symbol), CryptoPair)
        proposal = _close(symbol, latch, state, rules, market, now)
        was_tried = proposal.id in state.book.orders.by_id
        if trades and not was_tried and not is_closing(state.book, symbol):
            yield proposal


def _close(
    symbol: Symbol, latch: Asked, state: State, rules: Rules, market: MarketView, now: Instant
) -> Proposal:
    name = derive_agents_order_id(FLATTENER, "flatten", symbol, now // MINUTE)
    held, price = state.book.position(symbol), market.prices.get(symbol)
    is_coin = isinstance(rules.instruments.get(symbol), CryptoPair)
    return Proposal(
        id=name,
        agent=FLATTENER,
        strategy=StrategyName(""),
        legs=(Leg(symbol),),
        side=Side.SELL if held > 0 else Side.BUY,
        quantity=abs(held),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
        effect=Effect.CLOSE,
        reason=latch.reason,
        decision_price=ZERO if price is None else price,
        decision_time=now,
        correlation_id=name,
    )
