"""What an engine stands on beside the fold: the rules that rule, the market's last word, and the switches."""

from agenttrader.model.decisions import SwitchReading
from agenttrader.model.events import Halted, LinkChanged
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Chain
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.runtime.halts import HaltStanding, latch_of
from agenttrader.runtime.inputs import HaltAsked, LinkSeen
from agenttrader.runtime.market_view import MarketView
from agenttrader.runtime.recorder import Recorder
from agenttrader.runtime.rule_values import ruled
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.standings import Standings
from agenttrader.runtime.state import State


class Footing(Recorder):
    """Of one account: `rules` are those that rule now, `configured` those of the file."""

    def __init__(self, rules: Rules, state: State, chain: Chain) -> None:
        super().__init__(state, chain)
        self.configured = rules
        self.market = MarketView(rules.market_source)
        self.switches: dict[str, SwitchReading] = {}
        self._rule()

    def standing(self, proposal: Proposal | None = None) -> HaltStanding:
        """What may leave for `proposal`, or for anybody where none is given, and why not more."""
        return self._standings.of(self.state, self.switches, proposal)

    def _rule(self) -> None:
        """Go by what rules: the configuration, and where something tighter is on record, that."""
        self.rules = ruled(self.configured, self.state.ruling)
        self.valued = MarkedBook(self.state.book, self.market.prices, self.rules.scopes)
        self._standings = Standings(self.rules)

    def _halt(self, asked: HaltAsked) -> None:
        self._step.refusal = self.rules.refusal_of_scope(asked.scope)
        if not self._step.refusal:
            self._emit(Halted(scope=asked.scope, state=asked.state, by=asked.by, reason=asked.reason))

    def _switch(self, reading: SwitchReading) -> None:
        before = self.switches.get(reading.name)
        self.switches[reading.name] = reading
        self._standings.clear()
        latch = latch_of(before, reading)
        if latch is not None and self.state.standing.window is not None:
            self._emit(latch)

    def _link(self, seen: LinkSeen) -> None:
        known = self.state.links.get(seen.link)
        if known is None or known.up is not seen.up:
            self._emit(LinkChanged(link=seen.link, up=seen.up, reason=seen.reason))
