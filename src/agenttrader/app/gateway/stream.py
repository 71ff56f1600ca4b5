"""`/v1/stream`: what was recorded, told to whoever may see it, in the journal's order, then each watermark.

Where a day goes by the data's time, one agent may come first at each: it is told a watermark, does what it
wants to do at that time, and sends the watermark back; only then are the others told it. So what two agents
do at one bar comes in one order, however fast they are.

Each subscriber has a bounded queue. One that does not keep up is closed, and gets everything again by a
snapshot when it comes back; it never slows the session or another subscriber.
"""

import asyncio
from collections.abc import Iterator, Sequence

from msgspec import Struct

from agenttrader.app.gateway.views import (
    account_body,
    fill_body,
    order_body,
    snapshot_body,
    trading_body,
    viewer,
    visible,
    visible_positions,
)
from agenttrader.model.events import (
    EquitySampled,
    Event,
    Filled,
)
from agenttrader.model.identifiers import AgentName, OrderId
from agenttrader.model.records import Recorded
from agenttrader.model.times import Instant, from_rfc3339, rfc3339
from agenttrader.protocols.native import (
    AccountMarked,
    OrderChanged,
    PositionsChanged,
    Snapshot,
    StreamMessage,
    TradingBody,
    TradingChanged,
    WatermarkReached,
    decode_stream,
    encode,
)
from agenttrader.runtime.session import Session

QUEUE_MAX = 2000
"""Messages that may wait for one subscriber: some minutes of a busy day."""


class Subscriber(Struct, eq=False):
    """One connection: whose orders it may see (None: all), and what waits to be sent.

    `None` in the queue ends it.
    """

    agent: AgentName | None
    queue: asyncio.Queue[bytes | None]
    is_first: bool = False
    """Whether it is told each watermark before the others."""


class Stream:
    """The subscribers of one session. `first` is who comes first at each watermark, where anybody does."""

    def __init__(self, session: Session, *, first: AgentName | None = None) -> None:
        self._session = session
        self._first = first
        self._subscribers: set[Subscriber] = set()
        self._watermark: Instant | None = None
        self._told: Instant | None = None
        """The watermark that everybody was told."""
        self._trading: TradingBody | None = None
        """What may leave, as it was told last."""
        session.listeners.append(self._recorded)
        session.reached_listeners.append(self._reached)
        session.refolded_listeners.append(self._refolded)

    @property
    def watermark(self) -> str | None:
        """The last watermark that was reached, as RFC 3339."""
        return _text(self._watermark)

    def snapshot(self, agent: AgentName | None) -> Snapshot:
        """Everything that `agent` may see, with the last watermark that it was told; None: an operator."""
        engine = self._session.engine
        watermark = self._watermark if self._is_first(agent) else self._told
        return snapshot_body(engine, viewer(engine, agent), _text(watermark))

    def subscribe(self, agent: AgentName | None) -> Subscriber:
        """A new subscriber, with the snapshot as its first message."""
        subscriber = Subscriber(
            viewer(self._session.engine, agent), asyncio.Queue(QUEUE_MAX), self._is_first(agent)
        )
        subscriber.queue.put_nowait(encode(self.snapshot(agent)))
        self._subscribers.add(subscriber)
        return subscriber

    def hear(self, subscriber: Subscriber, said: str) -> None:
        """Take what a subscriber says: of the first, that it is done with a watermark; else nothing.

        Raises BadValue for what cannot be read.
        """
        if self._first is None or not subscriber.is_first:
            return
        message = decode_stream(said)
        time = from_rfc3339(message.time) if isinstance(message, WatermarkReached) else None
        reached, told = self._watermark, self._told
        if time is not None and reached is not None and time <= reached and (told is None or time > told):
            self._pass_on(time)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a connection that has gone."""
        self._subscribers.discard(subscriber)

    def _recorded(self, recorded: Sequence[Recorded[Event]]) -> None:
        if not self._subscribers:
            return
        for agent in {subscriber.agent for subscriber in self._subscribers}:
            for message in self._messages(recorded, agent):
                self._send(encode(message), agent)
        self._tell_trading()

    def _messages(
        self, recorded: Sequence[Recorded[Event]], agent: AgentName | None
    ) -> Iterator[StreamMessage]:
        engine = self._session.engine
        orders = engine.state.book.orders.by_id
        events = [each.event for each in recorded]
        touched: dict[OrderId, None] = {}
        for event in events:
            order_id = event.proposal.id if hasattr(event, "proposal") else getattr(event, "order_id", None)
            if order_id is not None:
                touched[order_id] = None
                touched.update((leg.id, None) for leg in orders[order_id].protection)
        fills = [event for event in events if isinstance(event, Filled)]
        yield from (
            fill_body(fill) for fill in fills if agent is None or orders[fill.order_id].agent == agent
        )
        yield from (
            OrderChanged(order=order_body(order))
            for order in visible((orders[each] for each in touched), agent)
        )
        if touched or any(isinstance(event, EquitySampled) for event in events):
            yield PositionsChanged(positions=visible_positions(engine, agent))
            yield AccountMarked(account=account_body(engine))

    def _tell_trading(self) -> None:
        """What may leave, where that has changed: by a record, or by a switch, whose readings are none."""
        trading = trading_body(self._session.engine)
        if trading != self._trading:
            self._trading = trading
            self._tell(TradingChanged(trading=trading))

    def _is_first(self, agent: AgentName | None) -> bool:
        return self._first is None or agent == self._first

    def _reached(self, time: Instant) -> None:
        self._watermark = time
        if self._subscribers:
            self._tell_trading()
            self._tell(WatermarkReached(time=rfc3339(time)), is_first=True)
        if self._first is None:
            self._told = time

    def _pass_on(self, time: Instant) -> None:
        """Tell the watermark to those who were not told it yet."""
        self._told = time
        self._tell(WatermarkReached(time=rfc3339(time)), is_first=False)

    def _tell(self, message: StreamMessage, *, is_first: bool | None = None) -> None:
        """Something that everybody may see; those alone who come first, or do not, where that is given."""
        encoded = encode(message)
        for subscriber in list(self._subscribers):
            if is_first in (None, subscriber.is_first):
                self._put(subscriber, encoded)

    def _refolded(self) -> None:
        """The state went back to what the disk holds: everybody must read it anew."""
        for subscriber in list(self._subscribers):
            self._end(subscriber)

    def _send(self, message: bytes, agent: AgentName | None) -> None:
        for subscriber in list(self._subscribers):
            if subscriber.agent == agent:
                self._put(subscriber, message)

    def _put(self, subscriber: Subscriber, message: bytes) -> None:
        try:
            subscriber.queue.put_nowait(message)
        except asyncio.QueueFull:
            self._end(subscriber)

    def _end(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        while not subscriber.queue.empty():
            subscriber.queue.get_nowait()
        subscriber.queue.put_nowait(None)


def _text(time: Instant | None) -> str | None:
    return None if time is None else rfc3339(time)
