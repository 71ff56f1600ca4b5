"""The account and the market's clock in Alpaca's words. What is not known is left out, not guessed.

The account is one, whoever asks: its money is not divided among agents. What an agent may do with it is
in its limits, and a denial says which.
"""

from decimal import Decimal

from agenttrader.app.new_york import stamp
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import AgentName, StrategyName, derive_order_id
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant
from agenttrader.model.values import ZERO
from agenttrader.protocols.alpaca_trading import Account, Clock
from agenttrader.runtime.engine import Engine

_BLOCKED = (TradingState.HALTED, TradingState.FROZEN)


def account_answer(engine: Engine, agent: AgentName) -> Account:
    """The account at the last marks; a position without a mark is taken at its cost.

    `trading_blocked` says that nothing of this agent's leaves now.
    """
    book, rules = engine.state.book, engine.rules
    value = engine.valued.value()
    equity = book.cash + value.net_exposure
    power = max(ZERO, book.cash - book.orders.open_notional_total)
    grant = rules.grants.get(agent)
    symbols = rules.limits.symbol.items()
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
        position_market_value=value.net_exposure,
        multiplier=Decimal(1),
        shorting_enabled=grant is not None
        and any(limits.shorting_permitted for symbol, limits in symbols if symbol in grant.symbols),
        trading_blocked=is_blocked(engine, agent),
        account_blocked=False,
        trade_suspended_by_user=False,
    )


def is_blocked(engine: Engine, agent: AgentName) -> bool:
    """Whether no entry of the agent's leaves now: no window is open, or something halts it, or everybody."""
    halts = engine.state.standing.latches_on(engine.rules.authority.account, (agent,), StrategyName(""), ())
    return engine.standing().state in _BLOCKED or any(halt.state in _BLOCKED for halt in halts)


def clock_answer(calendar: Calendar, now: Instant) -> Clock:
    """The market's time and the sessions around it, by New York's hands, for ccxt reads the offset.

    Raises BadValue where the calendar has ended.
    """
    following, session = calendar.following(now), calendar.session_at(now)
    return Clock(
        timestamp=stamp(now),
        is_open=session is not None,
        next_open=stamp(following.open),
        next_close=stamp((session or following).close),
    )
