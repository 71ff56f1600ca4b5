"""The day on which rounds are played: its processes, what is broken of them, and what they are asked."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from agenttrader.adapters.journal_reader import read_records
from agenttrader.app.gateway.status import StatusBody
from agenttrader.app.journals.wiring import Archive, of_configuration
from agenttrader.model.authority import EVERYTHING
from agenttrader.model.breaks import BreakKind
from agenttrader.model.errors import AgentTraderError
from agenttrader.protocols.native import Snapshot
from agenttrader.protocols.person_bodies import BreakBody
from agenttrader.testing.permissive_day import PermissiveDay, Tables
from agenttrader.testing.played_day import PATIENCE_SECONDS, ROLES, sha256
from agenttrader.testing.rounds.judge import Books
from agenttrader.testing.rounds.marking import PROGRAM
from agenttrader.testing.rounds.phases import Fate, Phase, doom, furthest, make_page

_PAGE = 500
_PAUSE_SECONDS = 0.02


class RoundsDay(PermissiveDay):
    """A day whose gateway notes how far each order has come, and whose venue fails by word."""

    program = PROGRAM
    """What the gateway is started with."""

    def __init__(self, folder: Path, roles: Sequence[str] = (*ROLES, "strategy")) -> None:
        """Without the strategy's role, no round may be of the kind that kills it."""
        super().__init__(folder, self._with_faults)
        self.roles = tuple(roles)
        place = self.configuration.credentials.strategy.gateway
        assert place.file is not None, "the demo's key lies in a file"
        (self.folder / place.file).write_text(self.key_of(self.configuration.strategy.agent))
        self.books = Books(self.configuration.instruments)
        self._logged = 0
        self._read = self._settled = ""

    def _with_faults(self, tables: Tables) -> None:
        self.control = f"control-{self.secret}"
        token = sha256(self.control)
        tables["venue"]["faults"] = {"listen": "127.0.0.1:0", "token_sha256": token, "seed": 7, "planned": []}

    # Processes.

    @property
    def page(self) -> Path:
        """Where the gateway notes phases."""
        return self.folder / "phases"

    def command(self, role: str) -> list[str | Path]:
        """What starts a role; the gateway with a new page."""
        if role != "gateway":
            return super().command(role)
        make_page(self.page)
        return [sys.executable, "-c", self.program, self.page, "--config", self.path, "--lifeline"]

    def doom(self, fate: Fate) -> None:
        """Let the gateway die so."""
        doom(self.page, fate)

    async def dead(self, role: str, seconds: float) -> bool:
        """Whether the role ends by itself within that time."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self.processes[role].poll() is None:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.002)
        return True

    def ended_by_themselves(self, roles: Iterable[str]) -> Iterator[str]:
        """Those that were to be killed, and had ended otherwise before."""
        for role in roles:
            code = self.processes[role].returncode
            if code != -signal.SIGKILL:
                yield f"{role} ended by itself, with exit code {code}: see its log"

    async def back(self, *roles: str) -> None:
        """The roles are started again and found, and the gateway has compared its book."""
        for role in roles:
            self.start(role)
        await self.until(lambda: all(self.address(role) for role in roles))
        await self.settled()

    # The venue's faults.

    async def plan(self, *faults: dict[str, Any]) -> None:
        """Let them strike, always, from now on."""
        for fault in faults:
            await self._control("POST", {"per_mille": 1_000, "times": "always", "only": []} | fault)

    async def heal(self) -> None:
        """Nothing goes wrong any more."""
        await self._control("DELETE", None)

    async def _control(self, method: str, body: Any) -> None:
        headers = {"Authorization": f"Bearer {self.control}"}
        url = f"{self.address('venue_control')}/v1/faults"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, json=body) as answer,
        ):
            assert answer.ok, await answer.text()

    # What is on disk.

    def look(self) -> tuple[dict[str, Phase], str]:
        """Take in what journal and venue's log have by now; what the page tells."""
        self.books.take(read_records(self.archive.journal, self.books.sequence))
        with self.configuration.path(self.configuration.venue.log).open("rb") as file:
            file.seek(self._logged)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._logged += len(whole)
        self.books.take_log(whole.splitlines(), self.configuration.account.name)
        return furthest(self.page)

    @property
    def archive(self) -> Archive:
        """The journal."""
        return of_configuration(self.path)

    # What is asked.

    async def prices(self) -> dict[str, Decimal]:
        """The last close of each bot's symbol."""
        found = {}
        for symbol in self.symbols.values():
            url = f"{self.address('marketdata')}/v2/stocks/{symbol}/bars/latest"
            told = await self._get(url, "demo-show")
            found[symbol] = Decimal(str(told["bar"]["c"]))
        return found

    async def at_venue(self, path: str) -> Any:
        """What the venue says of our account."""
        return await self._get(f"{self.address('venue')}{path}", self.configuration.venue.accounts[0].key_id)

    async def orders_at_venue(self) -> dict[str, dict[str, Any]]:
        """Every order of the account there that was not settled, by our ids."""
        found: dict[str, dict[str, Any]] = {}
        last = self._settled
        while page := await self.at_venue(f"/v2/orders?status=all&limit={_PAGE}&direction=asc{last}"):
            found |= {order["client_order_id"]: order for order in page}
            last = f"&after_order_id={page[-1]['id']}"
        self._read = last
        for name in self.books.unsettled.keys() & self.books.taken.keys() - found.keys():
            found[name] = await self.at_venue(f"/v2/orders:by_client_order_id?client_order_id={name}")
        return found

    def settle(self) -> None:
        """All was judged: what is there by now is not read again as a whole."""
        self._settled = self._read
        self.books.settle()

    async def _get(self, url: str, key_id: str) -> Any:
        async with (
            aiohttp.ClientSession(headers=self.venue_headers(key_id)) as session,
            session.get(url) as answer,
        ):
            assert answer.ok, await answer.text()
            return await answer.json()

    # The person.

    async def accept_what_never_arrived(self) -> int:
        """Accept each order of which the venue's own log has nothing; how many. Other breaks stay."""
        accepted = 0
        async with self.operator() as operator:
            while (found := self._never_arrived(await operator.breaks())) is not None:
                await operator.accept(self.pen, found, "the venue's own log has nothing of it")
                accepted += 1
        return accepted

    def _never_arrived(self, breaks: Iterable[BreakBody]) -> BreakBody | None:
        self.look()
        for each in breaks:
            sent = {name for name, order in self.books.left.items() if order == each.found.order_id}
            unknown = each.found.kind is BreakKind.ORDER_UNKNOWN and not each.refusal
            if unknown and not sent & self.books.taken.keys():
                return each
        return None

    async def resume(self) -> None:
        """Orders may leave again: a suspended window goes on, and what has latched is lifted."""
        assert await self.eventually(self._resumed), (await self.status()).trading

    async def _resumed(self) -> bool:
        async with self.operator() as operator:
            status = await operator.status()
            if status.latches:
                await operator.resume(self.pen, EVERYTHING, "looked at")
            if status.window is not None and status.window.suspended:
                await operator.resume_window(self.pen, "after a kill")
        return status.trading.state == "active"

    async def status(self) -> StatusBody:
        """How the gateway stands."""
        return await self.ask("/v1/status", StatusBody)

    async def snapshot(self) -> Snapshot:
        """Everything as the gateway has it."""
        return await self.ask("/v1/snapshot", Snapshot)

    async def eventually(
        self, holds: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS
    ) -> bool:
        """Whether `holds` gives true within that time, asked again and again."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                if await holds():
                    return True
            except AgentTraderError:
                pass
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_PAUSE_SECONDS)
