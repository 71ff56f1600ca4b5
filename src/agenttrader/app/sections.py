"""The sections of a configuration file: structs whose fields are its keys. `config/demo.toml` explains."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Literal

from msgspec import field

from agenttrader.app.broker_sections import Broker, Conformance
from agenttrader.app.credential_sections import Credentials
from agenttrader.app.market_sections import MarketData
from agenttrader.app.names import OURS, faults_of_names
from agenttrader.app.people_sections import Approvals, Person, faults_of_approvals, faults_of_people
from agenttrader.app.reconciliation_sections import Reconciliation
from agenttrader.app.section import Section, require_account
from agenttrader.app.venue_sections import Venue
from agenttrader.gateway.breakers import BreakerLimits
from agenttrader.gateway.limits import Limits
from agenttrader.model.authority import Approval, Mode
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AccountName, AgentName, PersonName, StrategyName, Symbol
from agenttrader.model.instruments import Instrument, Option, Spread

EXITS = AgentName("exits")
"""What the exits unit is called as an agent."""
SwitchName = Literal["store", "file", "environment", "configmap"]


class Environment(Section, frozen=True):
    """Which environment this is, and how far it may go."""

    name: str
    mode_ceiling: Mode
    approval: Approval
    calendar: str
    """The exchange whose sessions rule, such as XNYS."""
    people: Literal[1, 2]
    """How many persons sign for what needs two; 1: a single one, who signs twice."""


class Fees(Section, frozen=True):
    """The schedule by which sales are charged; see `config/demo.toml`."""

    sec_rate: Decimal
    """Of the amount sold."""
    taf_rate: Decimal
    """Per share sold."""
    taf_cap: Decimal
    """The most of the TAF for one execution."""


class Account(Section, frozen=True):
    """The broker account that the gateway trades."""

    name: AccountName
    """Letters, digits, - and _; files are named after it."""
    fees: Fees

    def __post_init__(self) -> None:
        super().__post_init__()
        require_account(self.name)


class Gateway(Section, frozen=True):
    """How the gateway listens, waits and writes."""

    listen: str
    answer_wait_ms: int
    submit_timeout_ms: int
    inbox: Literal["watermark", "arrival"]
    inbox_capacity: int
    batch_max: int
    heads_every_records: int
    agent_keys: str
    """The file of the agents' keys, as hashes; whoever can write it can be any agent."""
    shutdown_seconds: int
    """How long the broker's word on orders under way is awaited when the gateway is told to stop."""
    entries_at_shutdown: Literal["cancel", "leave"]


class Store(Section, frozen=True):
    """Where the journal, its outside heads, its key and its daily export lie: folders of their own."""

    directory: str
    heads_directory: str
    keys_directory: str
    audit_logs: str | None = None
    """Where there is none, no daily export is written."""
    runtime_state: str | None = None
    """The file of what stands now; where there is none, none is written."""

    def __post_init__(self) -> None:
        super().__post_init__()
        folders = [self.directory, self.heads_directory, self.keys_directory, self.audit_logs]
        if len(set(folders)) != len(folders):
            raise BadValue("expected different folders: a head beside its journal is lost with it")


class ConfigMapSwitch(Section, frozen=True):
    """The switch that is a key of a ConfigMap of the cluster."""

    namespace: str
    name: str
    key: str
    silence_seconds_max: int
    """How long the cluster may not be heard before that is a halt."""
    kubeconfig: str | None = None
    """The file that says how it is reached; where there is none, the pod's own service account does."""


class Switches(Section, frozen=True):
    """The halt switches that are wired. One that is wired and cannot be read is a halt."""

    wired: tuple[SwitchName, ...]
    file: str
    configmap: ConfigMapSwitch | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if "store" not in self.wired or len(set(self.wired)) != len(self.wired):
            raise BadValue(
                f"wired: expected store, and no switch twice, found {', '.join(self.wired) or 'none'}"
            )
        if ("configmap" in self.wired) is (self.configmap is None):
            raise BadValue(
                "wired: expected configmap where there is a table [switches.configmap], and only there, "
                f"found {', '.join(self.wired)} and {'no ' if self.configmap is None else 'the '}table"
            )


class Peers(Section, frozen=True):
    """How the processes of a run find each other."""

    announcements: str
    """The folder in which each writes where it listens."""


class StrategyRun(Section, frozen=True):
    """One strategy with its parameters. Numbers with a point are written in quotes."""

    name: StrategyName
    class_name: str = field(name="class")
    """`module:Class`."""
    symbols: tuple[Symbol, ...]
    parameters: dict[str, str | int | bool]


class Strategy(Section, frozen=True):
    """The strategy host: in whose name it proposes, and what it runs."""

    listen: str
    inbox: Literal["watermark", "arrival"]
    agent: AgentName
    checkpoints: str
    """The folder of the strategies' states."""
    run: tuple[StrategyRun, ...]


class ExitFractions(Section, frozen=True):
    """The exit plan of entries that bring none: how far from the entry's price, as fractions of it."""

    stop: Decimal
    """On the losing side; 0.03 is three in a hundred."""
    target: Decimal
    """On the winning side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("stop", "target"):
            if not 0 < getattr(self, name) < 1:
                raise BadValue(
                    f"{name}: expected a fraction above 0 and below 1, such as 0.03, "
                    f"found {getattr(self, name)}"
                )


class Agent(Section, frozen=True):
    """Who may propose, known by a key that `agenttrader agents` gives."""

    symbols: tuple[Symbol, ...]
    """A symbol has one owner among the agents."""
    strategies: tuple[StrategyName, ...]
    """None for a bot, which names no strategy."""
    mode_ceiling: Mode
    """The farthest mode in which its entries may leave; not beyond the environment's."""
    approval: Approval
    """Whether a person approves its entries; they are asked for where the environment says so, too."""
    requester: PersonName | None = None
    """Who stands behind what it proposes, and so approves none of it."""
    exit_plan: ExitFractions | None = None
    """For its orders in Alpaca's words without a bracket; where there is none, such an entry is denied."""
    dedupe_window_seconds: int | None = None
    """How long its order in Alpaca's words without an id is the same order; where there is none, refused."""
    client_ids: Literal["meant", "per_try"] = "meant"
    """Whether a new client_order_id means a new order, or is made anew for each try of the same one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.client_ids == "per_try" and self.dedupe_window_seconds is None:
            raise BadValue(
                "client_ids: expected a dedupe_window_seconds with per_try, found none: ids that are made "
                "anew do not tell one order from two, and nothing else would"
            )


class Exits(Section, frozen=True):
    """The unit that runs the exit plans of what is held: a key that only reduces, in every symbol."""

    listen: str
    checkpoints: str
    """The folder of what it remembers: the best price since each position was opened."""
    partial_fill_seconds: int
    """How long what has filled of an entry may be bare before the rest of the entry is canceled."""
    retry_seconds_max: int
    """The longest wait after failures: the first is a second, and each is twice the one before."""


class Sentinel(Section, frozen=True):
    """Who watches the gateway from outside."""

    listen: str
    silence_seconds_max: int
    """How long the gateway may say nothing before it is fenced off and its entries are canceled."""


class Document(Section, frozen=True):
    """The whole file."""

    environment: Environment
    account: Account
    broker: Broker
    gateway: Gateway
    store: Store
    switches: Switches
    peers: Peers
    venue: Venue
    marketdata: MarketData
    strategy: Strategy
    credentials: Credentials
    agents: dict[AgentName, Agent]
    people: dict[PersonName, Person]
    instruments: dict[Symbol, Instrument]
    limits: Limits
    breakers: BreakerLimits
    reconciliation: Reconciliation
    exits: Exits | None = None
    """Where there is none, a position has no protection but what rests at the broker."""
    sentinel: Sentinel | None = None
    """Where there is none, nobody watches the gateway from outside."""
    approvals: Approvals | None = None
    """Where there is none, no agent's entries need a person."""
    conformance: Conformance | None = None

    def asks(self, agent: Agent) -> bool:
        """Whether persons approve the agent's entries: the stricter of its word and the environment's."""
        return Approval.MANUAL in (agent.approval, self.environment.approval)

    def faults(self) -> Iterator[str]:
        """Where sections contradict each other, as sentences that name both."""
        yield from faults_of_names("agents", self.agents, OURS)
        yield from faults_of_names("people", self.people)
        yield from faults_of_names("limits.strategy", self.limits.strategy)
        yield from faults_of_names("limits.group", self.limits.group)
        yield from self._faults_of_limits()
        yield from self._faults_of_agents()
        yield from self._faults_of_strategies()
        yield from self._faults_of_markets()
        yield from self._faults_of_exits()
        yield from self._faults_of_broker()
        asking = {name: agent.requester for name, agent in self.agents.items() if self.asks(agent)}
        yield from faults_of_approvals(self.approvals, asking, self.people)
        yield from faults_of_people(self.people)

    def _faults_of_broker(self) -> Iterator[str]:
        keys = (
            ("credentials.gateway.broker", self.credentials.gateway.broker.key_id),
            ("credentials.kill.broker", self.credentials.kill.broker.key_id),
        )
        ceiling = self.environment.mode_ceiling
        yield from self.broker.faults(self.account.name, keys, ceiling, self.conformance)
        if self.gateway.inbox == "watermark" and not self.broker.is_simulated:
            yield "[gateway] inbox: expected arrival: only simulated accounts go by the data; found watermark"
        if not (self.marketdata.is_live or self.broker.is_simulated):
            source = self.marketdata.source
            yield f"[marketdata.prices] source: expected iex, live, for [broker] is Alpaca's; found {source}"

    def _faults_of_limits(self) -> Iterator[str]:
        yield from _unmatched("limits.agent", self.limits.agent, "agents", self.agents)
        yield from _unmatched("agents", self.agents, "limits.agent", self.limits.agent)
        yield from _unmatched("limits.symbol", self.limits.symbol, "instruments", self.instruments)
        singles = [name for name, found in self.instruments.items() if not isinstance(found, Spread)]
        yield from _unmatched("instruments", singles, "limits.symbol", self.limits.symbol)
        meant = {found.underlying for found in self.instruments.values() if isinstance(found, Option)}
        run = [name for agent in self.agents.values() for name in agent.strategies]
        yield from _unmatched("limits.strategy", self.limits.strategy, "agents.NAME.strategies", run)
        yield from _unmatched("agents.NAME.strategies", run, "limits.strategy", self.limits.strategy)
        for group, limits in self.limits.group.items():
            held = sorted(limits.symbols - meant)
            yield from _unmatched(f"limits.group.{group}.symbols", held, "instruments", self.instruments)
        restricted = sorted(self.limits.account.restricted - meant)
        yield from _unmatched("limits.account.restricted", restricted, "instruments", self.instruments)
        market = sorted(self.limits.account.market_symbols)
        yield from _unmatched("limits.account.market_symbols", market, "limits.symbol", self.limits.symbol)
        for name, instrument in self.instruments.items():
            if isinstance(instrument, Spread):
                legs = (leg.symbol for leg in instrument.legs)
                yield from _unmatched(f"instruments.{name}.legs", legs, "instruments", singles)

    def _faults_of_agents(self) -> Iterator[str]:
        for name, agent in self.agents.items():
            yield from _unmatched(
                f"agents.{name}.symbols", agent.symbols, "limits.symbol", self.limits.symbol
            )
            requesters = () if agent.requester is None else (agent.requester,)
            yield from _unmatched(f"agents.{name}.requester", requesters, "people", self.people)
            if agent.mode_ceiling.rank > self.environment.mode_ceiling.rank:
                yield (
                    f"[agents.{name}] mode_ceiling: expected at most that of [environment], "
                    f"{self.environment.mode_ceiling.value}, found {agent.mode_ceiling.value}"
                )
        for symbol in _twice(symbol for agent in self.agents.values() for symbol in agent.symbols):
            yield f"[agents] symbols: expected one owner of {symbol}, found it twice"
        for strategy in _twice(name for agent in self.agents.values() for name in agent.strategies):
            yield f"[agents] strategies: expected one agent to run {strategy}, found it twice"

    def _faults_of_exits(self) -> Iterator[str]:
        exits = self.exits
        if (exits is None) is not (self.credentials.exits is None):
            there, missing = (
                ("credentials.exits", "exits") if exits is None else ("exits", "credentials.exits")
            )
            yield f"[{missing}]: expected it where there is [{there}], found none"
        permitted = self.limits.account.unprotected_seconds_max
        if exits is not None and exits.partial_fill_seconds >= permitted:
            yield (
                f"[exits] partial_fill_seconds: expected less than [limits.account] unprotected_seconds_max, "
                f"{permitted}, found {exits.partial_fill_seconds}: what an entry has filled would be a break "
                "before it could be protected"
            )

    def _faults_of_strategies(self) -> Iterator[str]:
        runs, agent = self.strategy.run, self.agents.get(self.strategy.agent)
        for name in _twice(run.name for run in runs):
            yield f"[[strategy.run]] name: expected different names, found {name} twice"
        if agent is None:
            yield f"[strategy] agent: expected one of [agents], found {self.strategy.agent}"
            return
        where = f"agents.{self.strategy.agent}"
        yield from _unmatched(
            "strategy.run name", (run.name for run in runs), f"{where}.strategies", agent.strategies
        )
        for run in runs:
            yield from _unmatched(
                f"strategy.run {run.name} symbols", run.symbols, f"{where}.symbols", agent.symbols
            )

    def _faults_of_markets(self) -> Iterator[str]:
        if self.marketdata.is_live == (self.credentials.marketdata is None):
            expected = (
                "the key that Alpaca's data take" if self.marketdata.is_live else "none: a day is played"
            )
            found = "none" if self.credentials.marketdata is None else "a key"
            yield f"[credentials.marketdata] alpaca: expected {expected}, found {found}"
        yield from _unmatched(
            "marketdata.prices symbols", self.marketdata.symbols, "instruments", self.instruments
        )
        split = (split.symbol for split in self.venue.splits)
        yield from _unmatched("venue.splits symbol", split, "instruments", self.instruments)
        chains = () if self.venue.options is None else self.venue.options.chains
        shares = (chain.underlying for chain in chains)
        yield from _unmatched(
            "venue.options.chains underlying", shares, "marketdata.prices symbols", self.marketdata.symbols
        )
        for name in _twice(account.name for account in self.venue.accounts):
            yield f"[[venue.accounts]] name: expected different names, found {name} twice"
        for key in _twice(key for account in self.venue.accounts for key, _ in account.all_keys()):
            yield f"[[venue.accounts]] key_id: expected a key of its own for each account, found {key} twice"
        for key in _twice(key.key_id for key in self.marketdata.keys):
            yield f"[[marketdata.keys]] key_id: expected different keys, found {key} twice"
        for role in _twice(self.marketdata.barrier):
            yield f"[marketdata] barrier: expected different roles, found {role} twice"
        if self.broker.is_simulated:
            accounts = [account.name for account in self.venue.accounts]
            yield from _unmatched("account name", (self.account.name,), "venue.accounts", accounts)


def _unmatched(table: str, names: Iterable[str], other: str, known: Iterable[str]) -> Iterator[str]:
    """A fault for each name of `table` that `other` does not have."""
    there = sorted(known)
    for name in names:
        if name not in there:
            found = ", ".join(there) or "nothing"
            yield f"[{table}] {name}: expected it in [{other}] too, found there {found}"


def _twice(names: Iterable[str]) -> Iterator[str]:
    return (name for name, count in Counter(names).items() if count > 1)
