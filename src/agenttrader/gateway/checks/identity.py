"""Who asks, for what it may act, and whether the order is a new one."""

from agenttrader.gateway.checks.legs import missing_symbols
from agenttrader.gateway.limits import Limits
from agenttrader.gateway.snapshot import Snapshot
from agenttrader.model.decisions import Check
from agenttrader.model.orders import Proposal


def agent_is_known(proposal: Proposal, snapshot: Snapshot, limits: Limits) -> Check:
    """The agent is configured and has limits."""
    agent = proposal.agent
    known = snapshot.grant is not None and agent in limits.agent
    return Check("agent", agent, agent if known else None, known)


def strategy_is_the_agents(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The agent runs the strategy; an agent that runs none names none."""
    strategy = proposal.strategy
    if snapshot.grant is None:
        return Check("strategy", strategy, None, passed=False)
    strategies = snapshot.grant.strategies
    if strategy in strategies or (not strategies and strategy == ""):
        return Check("strategy", strategy, strategy, passed=True)
    return Check("strategy", strategy, ", ".join(sorted(strategies)), passed=False)


def symbols_are_the_agents(proposal: Proposal, snapshot: Snapshot, *_: object) -> Check:
    """The agent owns every symbol of the order."""
    if snapshot.grant is None:
        return Check("ownership", proposal.symbol, None, passed=False)
    foreign = missing_symbols(snapshot, snapshot.grant.symbols)
    if not foreign:
        return Check("ownership", proposal.symbol, proposal.symbol, passed=True)
    return Check("ownership", ", ".join(foreign), ", ".join(sorted(snapshot.grant.symbols)), passed=False)


def id_is_new(_: Proposal, snapshot: Snapshot, *__: object) -> Check:
    """No other order has this id. The same order sent again is answered before anything is checked."""
    return Check("order_id", "used" if snapshot.id_used else "new", "new", not snapshot.id_used)
