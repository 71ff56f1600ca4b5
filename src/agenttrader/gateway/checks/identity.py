"""Who asks, for what it may act, and whether the order is a new one."""

from agenttrader.gateway.checks.case import Case
from agenttrader.model.decisions import Check

# Results without numbers are made once.
_OPENS = Check("may_open", "open", "open", passed=True)
_NEW = Check("order_id", "new", "new", passed=True)


def agent_is_known(case: Case) -> Check:
    """The agent is configured and has limits."""
    agent, grant = case.proposal.agent, case.snapshot.grant
    known = grant is not None and (case.agent_limits is not None or grant.reduces_only)
    return Check("agent", agent, agent if known else None, known)


def strategy_is_the_agents(case: Case) -> Check:
    """The agent runs the strategy; an agent that runs none names none."""
    strategy, grant = case.proposal.strategy, case.snapshot.grant
    if grant is None:
        return Check("strategy", strategy, None, passed=False)
    runs_none = not grant.strategies or grant.reduces_only
    if strategy in grant.strategies or (runs_none and strategy == ""):
        return Check("strategy", strategy, strategy, passed=True)
    return Check("strategy", strategy, ", ".join(sorted(grant.strategies)), passed=False)


def symbol_is_the_agents(case: Case) -> Check:
    """The agent owns the symbol."""
    symbol, grant = case.leg.symbol, case.snapshot.grant
    if grant is None:
        return Check("ownership", symbol, None, passed=False)
    if symbol in grant.symbols:
        return Check("ownership", symbol, symbol, passed=True)
    return Check("ownership", symbol, ", ".join(sorted(grant.symbols)), passed=False)


def agent_may_open(case: Case) -> Check:
    """The agent's key may open positions; that of the exits unit only reduces."""
    grant = case.snapshot.grant
    if grant is None:
        return Check("may_open", None, "open", passed=False)
    return Check("may_open", "open", "reduce or close", passed=False) if grant.reduces_only else _OPENS


def id_is_new(case: Case) -> Check:
    """No other order has this id. The same order sent again is answered before anything is checked."""
    return Check("order_id", "used", "new", passed=False) if case.snapshot.id_used else _NEW
