"""What the engine goes by, from the configuration. It does not change while the engine lives."""

from collections.abc import Iterable

from msgspec import Struct

from agenttrader.gateway.breakers import BreakerLimits
from agenttrader.gateway.limits import Grant, Limits
from agenttrader.model.approvals import ApprovalTerms
from agenttrader.model.authority import Approval, Scope, ScopeKind
from agenttrader.model.identifiers import AgentName, Digest, Symbol, person_of
from agenttrader.model.instruments import Instrument, Option
from agenttrader.model.sessions import Calendar
from agenttrader.portfolio.holdings import FeeSchedule
from agenttrader.portfolio.scopes import Scopes, Table, agent_table, expiry_table, group_table
from agenttrader.reconciliation.structure import Grace
from agenttrader.runtime.breakers import FLATTENER
from agenttrader.runtime.statements import Authority


class Rules(Struct, frozen=True, kw_only=True):
    """Authority, limits and the facts of the market that decisions are made by."""

    authority: Authority
    limits: Limits
    limits_digest: Digest
    breakers: BreakerLimits
    grants: dict[AgentName, Grant]
    instruments: dict[Symbol, Instrument]
    calendar: Calendar
    fees: FeeSchedule
    wired_switches: tuple[str, ...]
    market_source: str
    comparison_seconds_max: int
    """How old the last comparison with the broker may be, by the market's time; older, it is a halt."""
    structure_grace: Grace
    """How long a spread or a bracket may be out of shape."""
    approvals: ApprovalTerms | None = None
    """How persons are asked about entries; None: nobody can be, and an entry that needs one is denied."""

    @property
    def has_exits_unit(self) -> bool:
        """Whether somebody places protection after the fill."""
        return any(grant.reduces_only for grant in self.grants.values())

    def grant_of(self, agent: AgentName) -> Grant | None:
        """What the agent may act for, and how far: a person's hand, or a breaker, makes any smaller."""
        person = person_of(agent)
        if agent in self.grants or not (agent == FLATTENER or self.authority.may_act(person)):
            return self.grants.get(agent)
        return Grant(
            strategies=frozenset(),
            symbols=frozenset(self.instruments),
            mode_ceiling=self.authority.ceiling,
            approval=Approval.AUTO,
            reduces_only=True,
            by_hand=agent != FLATTENER,
        )

    def only_reduces(self, agent: AgentName | None) -> bool:
        """Whether the agent's key can do nothing but make positions smaller."""
        grant = None if agent is None else self.grant_of(agent)
        return grant is not None and grant.reduces_only

    def whose(self, agent: AgentName, symbols: tuple[Symbol, ...]) -> tuple[AgentName, ...]:
        """Whose halts bind an order of `agent` in `symbols`.

        They are its own and, of a key that reduces what others hold, those of who owns the symbols.
        """
        if not self.only_reduces(agent):
            return (agent,)
        owned = frozenset(symbols)
        return tuple(name for name, grant in self.grants.items() if name == agent or grant.symbols & owned)

    @property
    def scopes(self) -> Scopes:
        """Which tables of limits count each symbol. Computed: keep it.

        They are those of who may act in it, its owner and whoever reduces what others hold; of its groups and
        those of what it is an option on; and of the day on which that ends.
        """
        tables: dict[Symbol, list[Table]] = {}
        for agent, grant in self.grants.items():
            for symbol in grant.symbols:
                tables.setdefault(symbol, []).append(agent_table(agent))
        for symbol, instrument in self.instruments.items():
            found = tables.setdefault(symbol, [])
            meant = {symbol}
            if isinstance(instrument, Option):
                meant.add(instrument.underlying)
                found.append(expiry_table(instrument.expiry))
            found += [group_table(name) for name, each in self.limits.group.items() if each.symbols & meant]
        return Scopes({symbol: tuple(found) for symbol, found in tables.items()}, self.limits.strategy)

    def refusal_of_scope(self, scope: Scope) -> str:
        """Why nothing can be halted, or leased, by `scope`; empty where something can.

        A halt of a name that nobody has would halt nobody, and look as if it did; a window lets nobody in.
        """
        known: dict[ScopeKind, Iterable[str]] = {
            ScopeKind.EVERYTHING: ("",),
            ScopeKind.ACCOUNT: (self.authority.account,),
            ScopeKind.AGENT: self.grants,
            ScopeKind.STRATEGY: {name for grant in self.grants.values() for name in grant.strategies},
            ScopeKind.SYMBOL: self.instruments,
        }
        names = known[scope.kind]
        if scope.name in names:
            return ""
        expected = ", ".join(sorted(names)) or "none, for none is configured"
        return f"scope: expected the name of one {scope.kind.value} ({expected}), found {scope.name!r}"
