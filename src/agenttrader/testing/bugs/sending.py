"""Planted bugs of how orders and cancels leave, and of what an answer to them means."""

# ruff: noqa: SLF001 - a bug has no manners

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs

from agenttrader.adapters.alpaca import broker, orders
from agenttrader.adapters.alpaca.broker import AlpacaBroker
from agenttrader.gateway.dispatch import Dispatcher
from agenttrader.model.errors import Unreachable
from agenttrader.model.orders import OrderState
from agenttrader.model.records import Recorded
from agenttrader.model.reports import ReportKind
from agenttrader.model.transitions import Trigger
from agenttrader.portfolio import book
from agenttrader.runtime import engine, session
from agenttrader.runtime.session import Session
from agenttrader.testing.planting import planted, spoiled, wrapped

_SERVER_ERROR = 500


@planted("An order whose answer does not come is sent again.")
def resend_on_timeout() -> Iterator[None]:
    """In the adapter, where a connection stood and no answer came."""

    async def place(original: Any, route: Any, *given: Any) -> None:
        send = route._connection.send

        async def send_again(*request: Any, **more: Any) -> Any:
            try:
                return await send(*request, **more)
            except Unreachable:
                return await send(*request, **more)

        route._connection.send = send_again
        try:
            await original(route, *given)
        finally:
            route._connection.send = send

    with wrapped(AlpacaBroker, "_place", place):
        yield


@planted("An order whose answer does not come is sent again, under a new client order id.")
def new_id_on_retry() -> Iterator[None]:
    """In the adapter: the broker cannot know the second one for the first."""

    async def place(original: Any, route: Any, request: Any, name: str, *given: Any) -> None:
        send = route._connection.send

        async def send_again(method: str, path: str, body: bytes, *more: Any) -> Any:
            try:
                return await send(method, path, body, *more)
            except Unreachable:
                return await send(method, path, body.replace(name.encode(), f"{name}-2".encode()), *more)

        route._connection.send = send_again
        try:
            await original(route, request, name, *given)
        finally:
            route._connection.send = send

    with wrapped(AlpacaBroker, "_place", place):
        yield


@planted("An answer of 500 or 504 to an order is taken for a rejection.")
def server_error_is_rejection() -> Iterator[None]:
    """In the adapter, where the answer is read."""

    def read(original: Any, answer: Any, *given: Any) -> Any:
        report = original(answer, *given)
        is_error = answer.status >= _SERVER_ERROR
        return structs.replace(report, kind=ReportKind.REJECTED) if is_error else report

    with wrapped(broker, "answer_to_order", read):
        yield


@planted("An order whose answer does not come is taken for rejected.")
def timeout_is_rejection() -> Iterator[None]:
    """In the adapter, where a time-out becomes a report."""

    def lost(original: Any, *given: Any) -> Any:
        return structs.replace(original(*given), kind=ReportKind.REJECTED)

    with wrapped(broker, "lost", lost):
        yield


@planted("An order whose answer does not come is taken for one that was never sent.")
def timeout_is_not_sent() -> Iterator[None]:
    """In the adapter, where a time-out becomes a report."""

    def lost(original: Any, *given: Any) -> Any:
        return structs.replace(original(*given), kind=ReportKind.NOT_SENT)

    with wrapped(broker, "lost", lost):
        yield


@planted("That the broker has this client order id already is taken for a rejection.")
def used_id_is_rejection() -> Iterator[None]:
    """In the adapter: somebody on the way sent the request twice, and the second answer came."""
    with spoiled(orders, "_names_used_id", lambda _: False):
        yield


@planted("An order that the broker does not find yet is taken for one that never came.")
def not_found_is_rejected() -> Iterator[None]:
    """In the engine, where the broker's answer to a question is judged."""

    def events(original: Any, of: Any, fees: Any, order: Any, report: Any) -> Any:
        if report.kind is ReportKind.NOT_FOUND:
            report = structs.replace(report, kind=ReportKind.REJECTED, reason="not found")
        return original(of, fees, order, report)

    with wrapped(engine, "events_of", events):
        yield


@planted("An order is sent first and written then.")
def send_before_write() -> Iterator[None]:
    """In the session: what leaves is on no disk when the process dies."""

    async def commit(original: Any, shell: Any, steps: Sequence[Any]) -> Any:
        sealed = [record for step in steps for record in step.records]
        shell._send_all(steps, tuple(map(Recorded, sealed)))
        return await original(shell, [structs.replace(step, sends=[]) for step in steps])

    with wrapped(Session, "_commit", commit):
        yield


@planted("An order is sent although the disk did not take its record.")
def send_though_unwritten() -> Iterator[None]:
    """In the session, where a commit fails."""

    async def commit(original: Any, shell: Any, steps: Sequence[Any]) -> Any:
        is_written = await original(shell, steps)
        if not is_written:
            shell._send_all(steps, tuple(Recorded(record) for step in steps for record in step.records))
        return is_written

    with wrapped(Session, "_commit", commit):
        yield


@planted(
    "A record that the disk has from a commit that failed is forgotten, and waits for an answer for good."
)
def unsent_is_forgotten() -> Iterator[None]:
    """In the session, where it comes back."""
    with spoiled(session, "never_sent", lambda *_: ()):
        yield


@planted("The last look asks for the trading state, and does not read the switches.")
def last_look_reads_no_switch() -> Iterator[None]:
    """In the dispatcher."""

    def reason(original: Any, door: Any, *given: Any) -> Any:
        switches, door._switches = door._switches, ()
        try:
            return original(door, *given)
        finally:
            door._switches = switches

    with wrapped(Dispatcher, "_reason_to_withhold", reason):
        yield


@planted("What was approved leaves: nobody looks again.")
def no_last_look() -> Iterator[None]:
    """In the dispatcher."""
    with spoiled(Dispatcher, "_reason_to_withhold", lambda *_: None):
        yield


@planted("An entry that waited for its turn beyond its time leaves all the same.")
def overdue_entry_leaves() -> Iterator[None]:
    """In the dispatcher, where the order's own end is looked at."""

    def submit(original: Any, door: Any, order: Any, **more: Any) -> Any:
        return original(door, order, **(more | {"is_over": lambda: False}))

    with wrapped(Dispatcher, "submit", submit):
        yield


@planted("An order counts as canceled from when its cancel is asked for.")
def asked_is_canceled() -> Iterator[None]:
    """In the book: a fill that meets the cancel comes to an order that has ended."""
    kept = book._TRIGGERS.copy()
    request = next(kind for kind, trigger in kept.items() if trigger is Trigger.REQUEST_CANCEL)
    with spoiled(book, "_TRIGGERS", kept | {request: Trigger.CANCEL}):
        yield


@planted("A fill of an order that was canceled meanwhile is dropped.")
def fill_after_cancel_is_dropped() -> Iterator[None]:
    """In the engine, where reports become records."""

    def events(original: Any, of: Any, fees: Any, order: Any, report: Any) -> Any:
        is_late = report.kind is ReportKind.FILLED and order.state in (
            OrderState.CANCELED,
            OrderState.CANCEL_REQUESTED,
        )
        return () if is_late else original(of, fees, order, report)

    with wrapped(engine, "events_of", events):
        yield


@planted("Where a cancel is refused nobody asks again for the end of an entry whose window is over.")
def cancel_is_asked_once() -> Iterator[None]:
    """In the engine, which asks at every step of time."""

    def only_closes(original: Any, state: Any, found: Any) -> Any:
        return original(state, found) if state.closing else iter(())

    with wrapped(engine, "unwanted", only_closes):
        yield


@planted("An answer to a cancel that nobody can read is taken for a yes.")
def lost_cancel_is_confirmed() -> Iterator[None]:
    """In the adapter: who wanted the order canceled is not told that it goes on."""

    def read(original: Any, answer: Any) -> Any:
        return original(answer) or ""

    async def forget(*_: Any) -> None:
        return

    with wrapped(broker, "answer_to_cancel", read), spoiled(AlpacaBroker, "_ask_for_end", forget):
        yield
