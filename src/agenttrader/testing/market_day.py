"""A generated day, told as far as a test likes: what stands behind the face that a client meets."""

from decimal import Decimal

from agenttrader.app.marketdata.broadcast import Broadcast
from agenttrader.app.marketdata.offers import generated_offer
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Told, Watermark
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.market import generate_day


class MarketDay:
    """The day that `seed` means, `minutes` long from `start`, and what of it has been told."""

    def __init__(self, start: Instant, minutes: int, closes: dict[Symbol, Decimal], seed: int) -> None:
        session = Session(date="2026-11-27", open=start, close=Instant(start + minutes * MINUTE))
        self.moments = generate_day(closes, session, seed).moments
        self.offer = generated_offer(session, closes, seed)
        self.broadcast = Broadcast()
        self.told: list[Told] = []
        """All of it, in order."""
        self._teller = self.offer.teller(self._publish)
        self._minutes = 0

    def play(self, minutes: int | None = None) -> None:
        """Tell so many more minutes, the open counted as one; all that are left without a number."""
        end = None if minutes is None else self._minutes + minutes
        for moment in self.moments[self._minutes : end]:
            events: list[Told] = [*moment.statuses, *moment.bars, Watermark(time=moment.time)]
            for event in events:
                self._teller.receive(event)
            self._minutes += 1

    def _publish(self, told: Told) -> None:
        self.told.append(told)
        self.broadcast.publish(told)
