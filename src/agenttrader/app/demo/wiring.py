"""The demo's outside world: its processes, connections to them, throw-away secrets, the journal on disk."""

import secrets
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from agenttrader.adapters.agent_keys import write_keys
from agenttrader.adapters.alpaca.feed import AlpacaFeed
from agenttrader.adapters.announcements import Announcements
from agenttrader.adapters.build import read_build
from agenttrader.adapters.calendars import read_session
from agenttrader.adapters.clocks import WallClock
from agenttrader.adapters.gateway_client import GatewayClient
from agenttrader.adapters.journal_heads import load_or_make_key
from agenttrader.adapters.journal_reader import read_records
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.operator_client import OperatorClient
from agenttrader.adapters.persons import make_key, public_key_text, sign
from agenttrader.adapters.recorded_days import choose_days, read_recorded_day
from agenttrader.app.config import demo_template
from agenttrader.app.demo.keeper import Keeper
from agenttrader.app.demo.operator import Operator
from agenttrader.app.demo.play import Desk
from agenttrader.app.demo.report import JournalFound
from agenttrader.app.demo.setup import Asked, Chosen, Maker, Person, Run
from agenttrader.app.demo.visitor import Visitor
from agenttrader.app.operators.agents import added
from agenttrader.app.venue.wiring import CALENDAR_DAYS
from agenttrader.model.agent_keys import AgentKey
from agenttrader.model.credentials import Secret
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import AgentName
from agenttrader.model.records import Sealed
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.supervisor import Child, Notice, Supervisor

ANSWER_SECONDS = 15
FIND_SECONDS = 5
PARTICIPANT = "demo"
"""What the demo is called among those whom the market data waits for."""
DAYS_MAX = CALENDAR_DAYS - 7
"""From the first day of a run to the last: its venue, which stays as it began, must know what follows."""
KNOWN_TO_ROLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "AGENTTRADER_HOME",
    "GIT_SHA",
    "BUILD_ID",
)
"""What of our environment a role may know. Its secrets it finds in its files."""


def maker() -> Maker:
    """Throw-away persons and tokens from the system's own chance, sessions from the exchange calendar."""
    return Maker(
        person=_person,
        token=lambda: Secret(secrets.token_urlsafe(32)),
        keep_agent_keys=keep_agent_keys,
        session=read_session,
        recorded=read_recorded_day,
    )


def choose(asked: Asked) -> tuple[Chosen, ...]:
    """The recorded sessions that were asked for, and what of them was picked. Raises BadValue."""
    folder = asked.folder.absolute()
    calendar = tomllib.loads(demo_template())["environment"]["calendar"]
    days = choose_days(folder, calendar, asked.symbol, asked.day, asked.last)
    span = date.fromisoformat(days[-1].day) - date.fromisoformat(days[0].day)
    if span.days > DAYS_MAX:
        raise BadValue(
            f"--to: expected a day at most {DAYS_MAX} days after {days[0].day}, for the venue of a run knows "
            f"no more sessions, found {days[-1].day}"
        )
    picked = _picked(asked)
    return tuple(
        Chosen(folder=folder, symbol=each.symbol, day=each.day, picked="" if number else picked)
        for number, each in enumerate(days)
    )


def _picked(asked: Asked) -> str:
    """What nobody asked for; said once, of the first session: the others follow from `--to`."""
    match asked.symbol, asked.day:
        case None, None:
            return "the first recorded is played, for want of --symbol and --day"
        case None, _:
            return "the first symbol that has the day is played, for want of --symbol"
        case _, None:
            return "the symbol's first recorded day is played, for want of --day"
        case _:
            return ""


def now() -> Instant:
    """The wall clock."""
    return WallClock().now()


def commit(environment: Mapping[str, str]) -> str:
    """The commit that this program was built from."""
    return read_build(environment).git_sha


class DemoWorld:
    """The outside world of one run; implements `play.World`."""

    def __init__(self, run: Run, environment: Mapping[str, str]) -> None:
        self._run = run
        self._environment = {name: environment[name] for name in KNOWN_TO_ROLES if name in environment}
        configuration = run.configuration
        self._announcements = Announcements(configuration.path(configuration.peers.announcements))
        self._journal = (
            configuration.path(configuration.store.directory) / f"{configuration.account.name}.journal"
        )

    def supervisor(self, tell: Callable[[Notice], None]) -> Supervisor:
        """The roles, each with the run's configuration and a lifeline to us."""
        program = Path(sys.executable).with_name("agenttrader")
        if not program.exists():
            raise ConfigurationError(f"expected the program at {program}, found nothing; install the package")
        words = ("--config", str(self._run.path), "--lifeline")
        children = [
            Child(role=role, command=(str(program), "run", role, *words), environment=self._environment)
            for role in self._run.order
        ]
        return Supervisor(children, self._announcements, self._run.folder / "logs", tell)

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """Connections, let go of at the end."""
        run = self._run
        async with AsyncExitStack() as stack:
            calls = await stack.enter_async_context(OperatorClient(self._gateway, run.operator))
            eyes = GatewayClient(self._gateway, run.operator, answer_seconds=ANSWER_SECONDS)
            stack.push_async_callback(eyes.close)
            visitor = GatewayClient(self._gateway, run.visitor, answer_seconds=ANSWER_SECONDS)
            stack.push_async_callback(visitor.close)
            keeper = None
            if run.keeping is not None:
                bot = GatewayClient(self._gateway, run.keeping.key, answer_seconds=ANSWER_SECONDS)
                stack.push_async_callback(bot.close)
                keeper = Keeper(run.keeping, bot.propose)
            feed = AlpacaFeed(
                address=self._market_waited_for,
                feed=run.configuration.marketdata.source,
                credential=run.market,
                symbols=run.configuration.marketdata.symbols,
                extended=True,
                since=Instant(run.session.open - MINUTE),
                participant=PARTICIPANT,
            )
            yield Desk(
                operator=Operator(calls, run.person, now, lambda: secrets.token_hex(16)),
                visitor=Visitor(visitor.propose),
                feed=feed,
                follow=eyes.follow,
                waiting_for=self._waiting_for,
                keeper=keeper,
            )

    def verify(self) -> JournalFound:
        """Verify the journal against the heads outside it."""
        store = self._run.configuration.store
        key = load_or_make_key(self._run.configuration.path(store.keys_directory)).public_key()
        found = verify(self._journal, self._run.configuration.path(store.heads_directory), key)
        return JournalFound(
            records=found.records, head=found.head, verified=found.verified, finding=found.finding
        )

    def records(self) -> Iterable[Sealed[Any]]:
        """The journal's records, each checked as it is read."""
        return read_records(self._journal)

    def _gateway(self) -> str | None:
        found = self._announcements.get("gateway")
        return None if found is None else found.url

    def _market(self) -> str | None:
        found = self._announcements.get("marketdata")
        return None if found is None else found.url

    async def _market_waited_for(self) -> str:
        return (await self._announcements.find("marketdata", FIND_SECONDS)).url

    async def _waiting_for(self) -> str:
        """What the pacer says of whom it waits for; that nobody answers is an answer too."""
        address = self._market()
        if address is None:
            return "no market data process lives"
        headers = {
            "APCA-API-KEY-ID": self._run.market.key_id,
            "APCA-API-SECRET-KEY": self._run.market.secret.reveal(),
        }
        timeout = aiohttp.ClientTimeout(total=2)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.get(f"{address}/v1/pacer") as answer,
            ):
                body = msgspec.json.decode(await answer.read(), type=dict[str, Any])
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            return f"the market data does not say whom it waits for ({error!r})"
        return f"the market data waits for {', '.join(body.get('waiting_for', ())) or 'nobody'}"


def keep_agent_keys(file: Path, keys: Mapping[AgentName, Secret]) -> None:
    """Write the file of the agents' keys, as the gateway reads it."""
    made: tuple[AgentKey, ...] = ()
    for name, key in keys.items():
        made = added(made, name, key.reveal(), now(), keys)
    write_keys(file, made)


def _person() -> Person:
    """A person whose key lives in this process alone."""
    key = make_key()
    return Person(public_key=public_key_text(key.public_key()), sign=lambda statement: sign(statement, key))
