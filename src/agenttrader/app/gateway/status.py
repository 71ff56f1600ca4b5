"""How a gateway stands, in one answer: what a person looks at, and needs, before signing anything."""

from decimal import Decimal

from msgspec import Struct, structs

from agenttrader.app.gateway.approval_views import first_end
from agenttrader.app.gateway.breaker_views import BreakerBody, breakers_of
from agenttrader.app.gateway.comparison_views import ComparisonsBody, comparisons_of
from agenttrader.app.gateway.standing_views import (
    LatchBody,
    SwitchBody,
    WindowBody,
    close_of_session,
    latches_of,
    switches_of,
    window_of,
)
from agenttrader.app.gateway.views import trading_body
from agenttrader.model.authority import Mode
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import AccountName, Digest
from agenttrader.model.times import rfc3339
from agenttrader.model.values import ZERO
from agenttrader.protocols.native import TradingBody
from agenttrader.runtime.rule_values import waiting
from agenttrader.runtime.session import Session


class StatusBody(Struct, frozen=True, kw_only=True):
    """Who this gateway is and what it lets leave: what a person needs to sign a statement for it."""

    account: AccountName
    epoch: int
    configuration: Digest
    mode_ceiling: Mode
    trading: TradingBody
    watermark: str | None
    session: str | None
    """The trading day, YYYY-MM-DD."""
    records: int
    failure: str
    """Why the journal cannot be written; empty while it can."""
    dead_machine_loss: Decimal = ZERO
    """What would be lost, gaps aside, if all of ours stopped now."""
    now: str | None = None
    """The gateway's time, which is the data's at a simulated venue."""
    catching_up_to: str | None = None
    """Until when the day is on record, while the data tell it again."""
    session_close: str | None = None
    window: WindowBody | None = None
    latches: tuple[LatchBody, ...] = ()
    switches: tuple[SwitchBody, ...] = ()
    breakers: tuple[BreakerBody, ...] = ()
    single_person: bool = False
    looser: int = 0
    """Values of the configuration that are looser than they rule, and wait for signatures."""
    comparisons: ComparisonsBody | None = None
    approvals_waiting: int = 0
    """Entries that wait for a person."""
    approvals_until: str | None = None
    """When the time of the first of them is over."""


class ReconcileBody(Struct, frozen=True, kw_only=True):
    """One comparison with the broker."""

    run: str
    breaks: tuple[Break, ...]
    failure: str
    left: tuple[Break, ...] = ()
    """What is somebody else's, and left to them by a person's word."""


def _trading(session: Session) -> TradingBody:
    """What may leave: nothing new while the journal cannot be written, whatever the engine would let go."""
    trading = trading_body(session.engine)
    if not session.failure:
        return trading
    reason = f"nothing new is decided, because the journal cannot be written: {session.failure}"
    return structs.replace(
        trading, state=TradingState.HALTED.value, reasons=(reason, *trading.reasons), mode="off"
    )


def status_of(session: Session, watermark: str | None) -> StatusBody:
    """How the gateway of this session stands; `watermark` is what it has told of last."""
    engine = session.engine
    segment, now, recorded = engine.state.segment, session.now, engine.state.last_time
    until = first_end(engine)
    return StatusBody(
        account=engine.rules.authority.account,
        epoch=segment.epoch if segment else 0,
        configuration=engine.rules.authority.configuration,
        mode_ceiling=engine.rules.authority.ceiling,
        trading=_trading(session),
        watermark=watermark,
        session=engine.state.day.session if engine.state.day else None,
        records=engine.chain.sequence,
        failure=session.failure,
        dead_machine_loss=engine.valued.dead_machine_loss(),
        now=None if now is None else rfc3339(now),
        catching_up_to=None if now is None or now >= recorded else rfc3339(recorded),
        session_close=close_of_session(engine, session.now),
        window=window_of(engine),
        latches=latches_of(engine),
        switches=switches_of(engine),
        breakers=breakers_of(engine, session.now),
        single_person=engine.rules.authority.persons == 1,
        looser=len(waiting(engine.configured, engine.state.ruling)),
        comparisons=comparisons_of(engine, session.now),
        approvals_waiting=len(engine.state.approvals.waiting),
        approvals_until=None if until is None else rfc3339(until),
    )
