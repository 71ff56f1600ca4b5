"""What may leave for whom, asked for each order and once more before it leaves: answers that still hold."""

from collections.abc import Mapping

from agenttrader.model.decisions import SwitchReading
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.orders import Proposal
from agenttrader.runtime.halts import HaltStanding, standing_of
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.state import State


class Standings:
    """They hold until the state's version moves or a switch is read."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[tuple[AgentName, StrategyName, tuple[Symbol, ...]], HaltStanding] = {}
        self._version = 0

    def of(
        self, state: State, switches: Mapping[str, SwitchReading], proposal: Proposal | None
    ) -> HaltStanding:
        """What may leave for `proposal`, or for anybody where none is given."""
        if self._version != state.version:
            self.clear()
            self._version = state.version
        symbols = () if proposal is None else tuple([leg.symbol for leg in proposal.legs])
        agent = AgentName("") if proposal is None else proposal.agent
        strategy = StrategyName("") if proposal is None else proposal.strategy
        known = self._known.get((agent, strategy, symbols))
        if known is None:
            rules = self._rules
            account, whose = rules.authority.account, rules.whose(agent, symbols)
            known = standing_of(state, switches, rules.wired_switches, account, whose, strategy, symbols)
            self._known[agent, strategy, symbols] = known
        return known

    def clear(self) -> None:
        """Forget them: a switch was read."""
        self._known.clear()
