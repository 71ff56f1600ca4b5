"""A person at the gateway's desk: looks, halts, and signs for everything that loosens.

A statement is made for what the gateway says it is at that moment: its account, epoch and configuration, and
for a resume the latches that stand. So a person loosens what they were shown, and nothing that came later.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from msgspec import Struct, structs

from agenttrader.app.gateway.status import ReconcileBody, StatusBody
from agenttrader.model.authority import EVERYTHING, Act, Mode, Scope, ScopeKind, Statement
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest, OrderId, PersonName
from agenttrader.model.ruling import RulingChange
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.protocols.limit_bodies import LimitBody, LimitsBody, TightenBody
from agenttrader.protocols.native import AnswerBody, Snapshot, TradingBody
from agenttrader.protocols.person_bodies import (
    ApprovalBody,
    ApprovalsBody,
    BreakBody,
    BreaksBody,
    CancelAskedBody,
    CancelBody,
    CloseBody,
    EmptyBody,
    EnvelopeBody,
    HaltBody,
    ReasonBody,
    WordBody,
)
from agenttrader.runtime.ruling import loosening_id

SIGNED_LASTS = 15 * MINUTE
"""How long a resume or an acceptance may be posted, by the gateway's time: it is signed to be used."""
PATHS = {
    Act.OPEN_WINDOW: "/v1/windows",
    Act.EXTEND_WINDOW: "/v1/windows/extend",
    Act.RESUME_WINDOW: "/v1/windows/resume",
    Act.RESUME: "/v1/resume",
    Act.ACCEPT_BREAK: "/v1/breaks/accept",
    Act.APPROVE_ORDER: "/v1/approvals/approve",
    Act.DENY_ORDER: "/v1/approvals/deny",
    Act.LOOSEN_LIMITS: "/v1/limits/loosen",
}

T = TypeVar("T")


class Client(Protocol):
    """A person's way to the gateway. Each call is made once; see `adapters.operator_client`."""

    async def get(self, path: str, answer: type[T]) -> T:
        """What stands at `path`."""
        ...

    async def post(self, path: str, body: Struct, answer: type[T]) -> T:
        """The answer to `body`."""
        ...


class Lease(Struct, frozen=True, kw_only=True):
    """What a window is asked for."""

    mode: Mode
    scope: Scope
    start: Instant
    end: Instant
    reason: str
    about: str = ""
    confirmation: str = ""


class Pen(Struct, frozen=True):
    """Whose signature it is, and how it is made."""

    person: PersonName
    sign: Callable[[Statement], str]


class Operator:
    """One person's acts. Every refusal of the gateway's is raised with its own sentence."""

    def __init__(self, client: Client, now: Callable[[], Instant], nonce: Callable[[], str]) -> None:
        """`now` is the wall clock's time, `nonce` a new text at each call."""
        self._client = client
        self._now = now
        self._nonce = nonce

    async def status(self) -> StatusBody:
        """Who the gateway is, how it stands and why."""
        return await self._client.get("/v1/status", StatusBody)

    async def snapshot(self) -> Snapshot:
        """Everything as the gateway has it now."""
        return await self._client.get("/v1/snapshot", Snapshot)

    async def halt(self, scope: Scope, state: TradingState, reason: str) -> TradingBody:
        """Latch a halt; on record when this returns."""
        return await self._client.post("/v1/halt", HaltBody(scope, state, reason), TradingBody)

    async def reconcile(self) -> ReconcileBody:
        """Compare the books with the broker's now."""
        return await self._client.post("/v1/reconcile", EmptyBody(), ReconcileBody)

    async def open_window(self, pen: Pen, lease: Lease) -> TradingBody:
        """Lease trading."""
        return await self._give(pen, Act.OPEN_WINDOW, lease, await self.status())

    async def extend_window(self, pen: Pen, end: Instant, reason: str) -> TradingBody:
        """Let the window that runs last until `end`."""
        status = await self.status()
        return await self._give(pen, Act.EXTEND_WINDOW, _again(status, end, reason), status)

    async def resume_window(self, pen: Pen, reason: str, end: Instant | None = None) -> TradingBody:
        """Let a suspended window go on, until its own end or an earlier one."""
        status = await self.status()
        return await self._give(pen, Act.RESUME_WINDOW, _again(status, end, reason), status)

    async def close_window(self, reason: str) -> TradingBody:
        """End the window: entries stop, working ones are asked to end."""
        return await self._client.post("/v1/windows/close", ReasonBody(reason), TradingBody)

    async def resume(self, pen: Pen, scope: Scope, reason: str) -> TradingBody:
        """Lift the latch of `scope`, or all of them, that stand now; one that comes later is not lifted."""
        status = await self.status()
        latest = max((from_rfc3339(latch.time) for latch in status.latches), default=Instant(0))
        start, now = Instant(latest + 1), Instant(0) if status.now is None else from_rfc3339(status.now)
        lease = Lease(
            mode=Mode.OFF,
            scope=scope,
            start=start,
            end=Instant(max(start, now) + SIGNED_LASTS),
            reason=reason,
        )
        return await self._give(pen, Act.RESUME, lease, status)

    async def breaks(self) -> tuple[BreakBody, ...]:
        """Every break that stands."""
        return (await self._client.get("/v1/breaks", BreaksBody)).breaks

    async def accept(self, pen: Pen, found: BreakBody, reason: str) -> TradingBody:
        """Accept a break as it was shown; one that has changed since is another, and not accepted."""
        status = await self.status()
        symbol = found.found.symbol
        scope = EVERYTHING if symbol is None else Scope(ScopeKind.SYMBOL, symbol)
        return await self._give(pen, Act.ACCEPT_BREAK, _at_once(status, scope, reason, found.id), status)

    async def approvals(self) -> tuple[ApprovalBody, ...]:
        """Every entry that waits for a person."""
        return (await self._client.get("/v1/approvals", ApprovalsBody)).approvals

    async def answer_approval(self, pen: Pen, act: Act, found: ApprovalBody, reason: str) -> AnswerBody:
        """Approve or deny an entry that waits, as it was shown; the order as it then is.

        What is signed is the digest of what was shown, computed here. Raises BadValue where the gateway
        says another.
        """
        digest = digest_shown(found)
        status = await self.status()
        envelope = self._signed(pen, act, _at_once(status, EVERYTHING, reason, digest), status)
        return await self._client.post(PATHS[act], WordBody(found.order_id, envelope), AnswerBody)

    async def limits(self) -> LimitsBody:
        """What rules, how much of it is used, and what waits to be signed for."""
        return await self._client.get("/v1/limits", LimitsBody)

    async def tighten(self, name: str, value: str, reason: str) -> LimitBody:
        """Make a limit tighter; on record, and in force, when this returns."""
        return await self._client.post("/v1/limits/tighten", TightenBody(name, value, reason), LimitBody)

    async def loosen(self, pen: Pen, found: LimitsBody, reason: str, confirmation: str) -> TradingBody:
        """Sign for what waits as it was shown; what has changed since is another loosening.

        What is signed is the id of what was shown, computed here. Raises BadValue where the gateway names
        another, and where nothing waits.
        """
        if not found.waiting:
            raise BadValue(
                "nothing waits: the configuration has nothing looser than what rules. Change it, and start "
                "the gateway again"
            )
        name = loosening_id(
            tuple(RulingChange(each.name, each.rules, each.configured) for each in found.waiting)
        )
        if name != found.loosening:
            raise BadValue(
                f"loosening: expected the id of what is shown, {name}, found {found.loosening}: do not sign. "
                "Look at the gateway, and at what stands between it and you"
            )
        status = await self.status()
        lease = _at_once(status, EVERYTHING, reason, name)
        confirmed = structs.replace(lease, confirmation=confirmation)
        return await self._give(pen, Act.LOOSEN_LIMITS, confirmed, status)

    async def cancel(self, order_id: OrderId, reason: str) -> None:
        """Ask for the end of an order; that it has ended is told later."""
        await self._client.post("/v1/orders/cancel", CancelBody(order_id, reason), CancelAskedBody)

    async def close(self, symbol: str, reason: str) -> AnswerBody:
        """Close all that is held in a symbol, by the gateway's closing procedure."""
        return await self._client.post("/v1/positions/close", CloseBody(symbol, reason), AnswerBody)

    async def _give(self, pen: Pen, act: Act, lease: Lease, status: StatusBody) -> TradingBody:
        envelope = self._signed(pen, act, lease, status)
        return await self._client.post(PATHS[act], EnvelopeBody(envelope), TradingBody)

    def _signed(self, pen: Pen, act: Act, lease: Lease, status: StatusBody) -> str:
        statement = Statement(
            act=act,
            account=status.account,
            epoch=status.epoch,
            configuration=status.configuration,
            mode=lease.mode,
            scope=lease.scope,
            start=lease.start,
            end=lease.end,
            reason=lease.reason,
            person=pen.person,
            nonce=self._nonce(),
            issued_at=self._now(),
            about=lease.about,
            confirmation=lease.confirmation,
        )
        return pen.sign(statement)


def digest_shown(found: ApprovalBody) -> Digest:
    """What is signed: the digest of what was shown. Raises BadValue where another was named."""
    digest = found.shown.digest
    if digest != found.digest:
        raise BadValue(
            f"digest: expected that of what is shown, {digest}, found {found.digest}: do not sign. Look "
            "at the gateway, and at what stands between it and you"
        )
    return digest


def _at_once(status: StatusBody, scope: Scope, reason: str, about: str) -> Lease:
    """What is signed to be used now."""
    start = Instant(0) if status.now is None else from_rfc3339(status.now)
    end = Instant(start + SIGNED_LASTS)
    return Lease(mode=Mode.OFF, scope=scope, start=start, end=end, reason=reason, about=about)


def _again(status: StatusBody, end: Instant | None, reason: str) -> Lease:
    """The gateway's window once more, with the reason for going on and perhaps another end."""
    window = status.window
    if window is None:
        raise BadValue("no window is open; open one")
    return Lease(
        mode=window.mode,
        scope=window.scope,
        start=from_rfc3339(window.start),
        end=from_rfc3339(window.end) if end is None else end,
        reason=reason,
    )
