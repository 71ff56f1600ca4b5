"""A gateway that says how far each order has come, and that dies by SIGKILL at a phase if it is told to.

`mark_gateway` is called in the process that is about to be the gateway, before its role starts. It notes
phases where the product's own functions begin and end, and changes nothing of what they do.
"""

import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from agenttrader.adapters.alpaca.connection import Answer, Connection
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.gateway.desk import Desk
from agenttrader.model.events import Accepted, Decided, Event, Filled, Rejected, Sending, Withheld
from agenttrader.model.identifiers import ClientOrderId, OrderId, derive_client_order_id
from agenttrader.model.market import Watermark
from agenttrader.model.orders import Proposal
from agenttrader.model.records import Recorded, Sealed
from agenttrader.model.reports import ExecutionReport, ReportKind
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import Input, Proposed
from agenttrader.runtime.recorder import Step
from agenttrader.runtime.session import Session
from agenttrader.testing.rounds.phases import Page, Phase

PROGRAM = """
import sys
from pathlib import Path
from agenttrader.roles.gateway import main
from agenttrader.testing.rounds.marking import mark_gateway
mark_gateway(Path(sys.argv[1]))
sys.exit(main(sys.argv[2:]))
"""
"""What Python is started with: the page, and the gateway's own words."""
_OUTCOMES = (Accepted, Rejected, Filled, Withheld)
_TELLS_NOTHING = {ReportKind.ANSWER_LOST, ReportKind.NOT_FOUND, ReportKind.NOT_SENT}


class _Marks:
    """Notes phases, and ends the process where its fate says so."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._doomed = 0
        """How many orders have come to the phase of its fate."""
        self._names: dict[OrderId, str] = {}
        """What clients called their orders."""
        self._sent: dict[ClientOrderId, str] = {}
        """The same by the ids towards the broker."""

    def arrived(self, proposal: Proposal) -> None:
        """A client's request is at hand."""
        if proposal.client_order_id is not None:
            self._names[proposal.id] = proposal.client_order_id
        self._note(self._names.get(proposal.id), Phase.BEFORE_DECISION)

    def decided(self, proposal: Proposal) -> None:
        """It was decided, in memory."""
        self._note(self._names.get(proposal.id), Phase.DECIDED)

    def committed(self, sealed: Sealed[Event]) -> None:
        """The record is on disk."""
        event = sealed.event
        name = self._names.get(getattr(event, "order_id", OrderId("")))
        if isinstance(event, Decided | Sending) and event.instruction is not None:
            if name is not None:
                self._sent[derive_client_order_id(sealed.sequence, sealed.hash)] = name
            self._note(name, Phase.COMMITTED)
        elif isinstance(event, _OUTCOMES) or (isinstance(event, Decided) and event.decision.denied_by):
            self._note(name, Phase.RECORDED)

    def sending(self, body: bytes) -> None:
        """A request for an order is handed to the wire."""
        self._note(self._of(body), Phase.SENDING)

    def answered(self, body: bytes) -> None:
        """Its answer is here."""
        self._note(self._of(body), Phase.ANSWERED)

    def heard(self, report: ExecutionReport) -> None:
        """The broker has told of an order."""
        if report.kind not in _TELLS_NOTHING:
            self._note(self._sent.get(report.client_order_id), Phase.ANSWERED)

    def _of(self, body: bytes) -> str | None:
        return self._sent.get(msgspec.json.decode(body).get("client_order_id", ""))

    def _note(self, name: str | None, phase: Phase) -> None:
        if name is None:
            return
        self._page.note(name, phase)
        fate = self._page.fate()
        if fate is None or phase is not fate.phase:
            return
        self._doomed += 1
        if self._doomed == fate.nth:
            _die(fate.pause_microseconds)


def _die(pause_microseconds: int) -> None:
    def strike() -> None:
        time.sleep(pause_microseconds / 1e6)
        os.kill(os.getpid(), signal.SIGKILL)

    if pause_microseconds:
        threading.Thread(target=strike, daemon=True).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)


def mark_gateway(page: Path) -> None:
    """From now on this process notes on `page`, and dies as is written there."""
    marks = _Marks(Page(page))
    decide, handle, append = Desk.decide, Engine.handle, SqliteJournal.append
    send, broker = Connection.send, Session.broker

    async def marked_decide(desk: Desk, proposal: Proposal) -> Order:
        marks.arrived(proposal)
        return await decide(desk, proposal)

    def marked_handle(engine: Engine, received: Input, *rest: Any) -> Step:
        step = handle(engine, received, *rest)
        if isinstance(received, Proposed):
            marks.decided(received.proposal)
        return step

    def marked_append(
        journal: SqliteJournal, records: Sequence[Sealed[Event]]
    ) -> tuple[Recorded[Event], ...]:
        recorded = append(journal, records)
        for each in records:
            marks.committed(each)
        return recorded

    async def marked_send(
        connection: Connection, method: str, path: str, body: bytes | None, *rest: Any, **more: Any
    ) -> Answer:
        if body is None:
            return await send(connection, method, path, body, *rest, **more)
        marks.sending(body)
        answer = await send(connection, method, path, body, *rest, **more)
        marks.answered(body)
        return answer

    def marked_broker(session: Session, said: ExecutionReport | Watermark) -> None:
        if isinstance(said, ExecutionReport):
            marks.heard(said)
        broker(session, said)

    _put(Desk, decide, marked_decide)
    _put(Engine, handle, marked_handle)
    _put(SqliteJournal, append, marked_append)
    _put(Connection, send, marked_send)
    _put(Session, broker, marked_broker)


def _put(kind: type, plain: Callable[..., Any], marked: Callable[..., Any | Awaitable[Any]]) -> None:
    """For as long as this process lives."""
    patch.object(kind, plain.__name__, wraps(plain)(marked)).start()
