"""The account and the market's clock in Alpaca's words. What is not known is left out, not guessed.

The account is one, whoever asks: its money is not divided among agents. What an agent may do with it is
in its limits, and a denial says which.
"""

from decimal import Decimal

from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import AgentName, StrategyName, derive_order_id
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.protocols.alpaca_trading import Account, Clock
from agenttrader.runtime.engine import Engine

_BLOCKED = (TradingState.HALTED, TradingState.FROZEN)


def account_answer(engine: Engine, agent: AgentName) -> Account:
    """The account at the last marks; a position without a mark is taken at its cost.

    `trading_blocked` says that nothing of this agent's leaves now: no window is open, or something halts it,
    or everybody.
    """
    book, rules = engine.state.book, engine.rules
    value = book.value(engine.market.prices)
    equity = book.cash + value.net_exposure
    power = max(ZERO, book.cash - book.orders.open_notional_total)
    grant = rules.grants.get(agent)
    symbols = rules.limits.symbol.items()
    halts = engine.state.standing.latches_on(rules.authority.account, (agent,), StrategyName(""), ())
    return Account(
        id=derive_order_id("account", rules.authority.account),
        account_number=rules.authority.account,
        status="ACTIVE",
        currency="USD",
        cash=book.cash,
        equity=equity,
        portfolio_value=equity,
        last_equity=None if engine.state.day is None else engine.state.day.equity,
        buying_power=power,
        non_marginable_buying_power=power,
        long_market_value=(value.gross_exposure + value.net_exposure) / Decimal(2),
        short_market_value=(value.net_exposure - value.gross_exposure) / Decimal(2),
        multiplier=Decimal(1),
        shorting_enabled=grant is not None
        and any(limits.shorting_permitted for symbol, limits in symbols if symbol in grant.symbols),
        trading_blocked=engine.standing().state in _BLOCKED or any(halt.state in _BLOCKED for halt in halts),
        account_blocked=False,
        trade_suspended_by_user=False,
    )


def clock_answer(calendar: Calendar, now: Instant) -> Clock:
    """The market's time and the sessions around it. Raises BadValue where the calendar has ended."""
    following, session = calendar.following(now), calendar.session_at(now)
    return Clock(
        timestamp=rfc3339(now),
        is_open=session is not None,
        next_open=rfc3339(following.open),
        next_close=rfc3339((session or following).close),
    )
