"""The exam put together: the gateway's own adapter, door and switches, and a journal of its own.

Nothing here goes around the door: each order is on disk before it leaves, by the dispatcher, while every
wired switch permits it. The account's own store is locked meanwhile, so no gateway runs beside it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from agenttrader.adapters.alpaca.broker import AlpacaBroker, Patience
from agenttrader.adapters.build import read_build
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.durable_files import make_folder, replace
from agenttrader.adapters.fence import SWITCH, fence_path, read_fence
from agenttrader.adapters.journal_file import journal_path
from agenttrader.adapters.journal_lock import StoreLock
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.brokers.bench import Bench, UnmetError
from agenttrader.app.config import Configuration
from agenttrader.app.conformance import JSON_NAME, MARKDOWN_NAME, Report
from agenttrader.app.gateway.wiring import switches_of
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import ConfigurationError, StoreError, Unreachable
from agenttrader.model.events import CancelRequested, Event, Leaving, Sending
from agenttrader.model.identifiers import (
    AgentName,
    BrokerOrderId,
    ClientOrderId,
    OrderId,
    StrategyName,
    derive_client_order_id,
    digest_of,
)
from agenttrader.model.instructions import Instruction
from agenttrader.model.orders import Effect, ExitPlan, Proposal
from agenttrader.model.records import Chain, Recorded
from agenttrader.model.times import Instant
from agenttrader.ports.fence import Fence, epoch_above
from agenttrader.ports.halt_switch import FollowedSwitch, HaltSwitch

WAIT_SECONDS = 20.0
"""How long any one thing is waited for: the questions after a lost answer take eight."""
ANSWER_SECONDS = 5.0
BY = AgentName("conformance")
"""Who asks, on record."""
_NOT_RULED = digest_of(b"an exam goes by no parameters and no calendar")


def now() -> Instant:
    """This machine's time."""
    return WallClock().now()


def commit_of(environment: Mapping[str, str]) -> str:
    """The commit that runs."""
    return read_build(environment).git_sha


def write_report(folder: Path, report: Report) -> None:
    """Keep the report in the folder, for programs and for persons. Raises StoreError."""
    try:
        make_folder(folder)
        replace(folder / MARKDOWN_NAME, report.page().encode())
        replace(folder / JSON_NAME, report.text())
    except OSError as error:
        raise StoreError(f"{folder}: expected to keep the report there, found: {error.strerror}") from error


@asynccontextmanager
async def at_bench(configuration: Configuration, folder: Path, code: str) -> AsyncIterator[Bench]:
    """The configured account, for one exam that is on record in `folder`.

    Raises StoreError where a gateway of the account runs, ConfigurationError where the account is another or
    a switch halts, Unreachable where the broker does not answer: nothing was sent then.
    """
    with ExitStack() as stack:
        store = journal_path(configuration.path(configuration.store.directory), configuration.account.name)
        make_folder(store.parent)
        stack.callback(StoreLock(store).release)
        record = _Record(configuration, folder, code)
        stack.callback(record.close)
        switches = _switches(configuration)
        bench, broker = _bench(configuration, record, switches)
        tasks = [asyncio.create_task(broker.run())]
        tasks += [asyncio.create_task(each.follow()) for each in switches if isinstance(each, FollowedSwitch)]
        try:
            await broker.probe()
            await _connected(bench)
            _refuse_to_halt(switches)
            yield bench
        finally:
            await _end(tasks)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel them; what ended one of them before is raised."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


class _Record:
    """The exam's own journal: nothing leaves that is not in it."""

    def __init__(self, configuration: Configuration, folder: Path, code: str) -> None:
        self._journal = SqliteJournal(
            journal_path(folder / "journal", configuration.account.name),
            account=configuration.account.name,
            heads_folder=folder / "heads",
            key_folder=configuration.path(configuration.store.keys_directory),
        )
        opened = self._journal.open_segment(
            session="conformance",
            configuration=configuration.digest,
            code=code,
            parameters=_NOT_RULED,
            calendar=_NOT_RULED,
            time=now(),
        )
        self._chain = Chain(opened.sealed.sequence, opened.sealed.hash)

    def keep(self, event: Event) -> Recorded[Any]:
        """The event, on disk."""
        (recorded,) = self._journal.append([self._chain.seal(event, now())])
        return recorded

    @property
    def next_order(self) -> OrderId:
        """What the next order is called here."""
        return OrderId(f"conformance-{self._chain.sequence + 1}")

    def close(self) -> None:
        self._journal.close()


def _bench(
    configuration: Configuration, record: _Record, switches: list[HaltSwitch]
) -> tuple[Bench, AlpacaBroker]:
    broker = AlpacaBroker(
        address=configuration.broker.where(lambda: None),
        credential=configuration.credential(configuration.credentials.gateway.broker),
        account=configuration.account.name,
        surroundings=configuration.broker.kind,
        clock=WallClock(),
        emit=lambda said: bench.hear(said),  # noqa: PLW0108 - the bench is made below, of the broker
        link=lambda up, reason: bench.link(up, reason),  # noqa: PLW0108 - as above
        patience=Patience(answer_seconds=ANSWER_SECONDS),
    )
    dispatcher = Dispatcher(broker, switches, lambda _: None)
    sent: list[tuple[Proposal, Recorded[Leaving]]] = []

    def send(instruction: Instruction) -> ClientOrderId:
        proposal = _approved(record.next_order, instruction)
        leaving = Sending(order_id=proposal.id, instruction=instruction)
        sent.append((proposal, cast("Recorded[Leaving]", record.keep(leaving))))
        return leave()

    def leave() -> ClientOrderId:
        """Let the last order out, by a door that knows of no other: one case asks for the same twice."""
        proposal, order = sent[-1]
        door = Dispatcher(broker, switches, lambda _: None)
        door.begin((proposal,), (), {})
        withheld = door.submit(
            order, effect=Effect.OPEN, state=lambda: TradingState.ACTIVE, is_over=lambda: False
        )
        if withheld is not None:
            raise UnmetError(f"expected the order to leave, found it withheld: {withheld.reason}")
        return derive_client_order_id(order.sealed.sequence, order.sealed.hash)

    def cancel(order: BrokerOrderId) -> None:
        asked = CancelRequested(
            order_id=record.next_order, broker_order_id=order, by=BY, reason="the exam ends it"
        )
        dispatcher.cancel(record.keep(asked))

    bench = Bench(broker=broker, send=send, again=leave, cancel=cancel, wait_seconds=WAIT_SECONDS, now=now())
    return bench, broker


def _approved(name: OrderId, instruction: Instruction) -> Proposal:
    """What whoever said yes to the exam has approved by that: this order, and nothing larger."""
    plan = ExitPlan(stop=instruction.stop, target=instruction.target)
    assert instruction.limit_price is not None, "the exam's orders have a limit"
    return Proposal(
        id=name,
        agent=BY,
        strategy=StrategyName(BY),
        legs=instruction.legs,
        side=instruction.side,
        quantity=instruction.quantity,
        type=instruction.type,
        time_in_force=instruction.time_in_force,
        effect=Effect.OPEN,
        reason="an exam's order, which no market comes near",
        decision_price=instruction.limit_price,
        decision_time=now(),
        correlation_id=name,
        limit_price=instruction.limit_price,
        exit_plan=None if instruction.stop is None else plan,
    )


def _refuse_to_halt(switches: Sequence[HaltSwitch]) -> None:
    """Raise ConfigurationError where one halts: then no order would leave."""
    for switch in switches:
        found = switch.read()
        if found.state is not TradingState.ACTIVE:
            raise ConfigurationError(
                f"switch {found.name}: expected it to halt nothing while the exam sends its orders, found "
                f"{found.state.value}: {found.reason}; put it to 0 for the exam, and back"
            )


async def _connected(bench: Bench) -> None:
    try:
        await bench.until("the broker's stream", lambda: True if (True in dict(bench.links)) else None)
    except UnmetError as error:
        reasons = ", ".join(reason for _, reason in bench.links[-1:])
        raise Unreachable(f"{error}; {reasons or 'nothing was heard'}") from error


def _switches(configuration: Configuration) -> list[HaltSwitch]:
    """Every switch that the gateway has, and any fence that is raised from now on."""
    path = fence_path(configuration.path(configuration.store.heads_directory), configuration.account.name)
    stands = read_fence(path)
    return [_FenceStands(path, stands), *switches_of(configuration, epoch_above(0, stands))]


class _FenceStands:
    """Whether nobody has raised a fence since the exam began: it has no epoch that a kill could know."""

    name = SWITCH
    is_movable = False

    def __init__(self, path: Path, stood: Fence | None) -> None:
        self._path = path
        self._stood = stood

    def read(self) -> SwitchReading:
        """FROZEN where there is another fence than at the beginning, or none can be read."""
        found: Fence | None = None
        with suppress(StoreError):
            found = read_fence(self._path)
            if found == self._stood:
                return SwitchReading(name=self.name, state=TradingState.ACTIVE, reason="as it stood")
        return SwitchReading(
            name=self.name, state=TradingState.FROZEN, reason=f"raised since the exam began: {found}"
        )

    def move(self, *, halted: bool, reason: str) -> None:
        """Nobody moves it."""
        raise StoreError(f"a fence is not moved here: {halted}, {reason}")
