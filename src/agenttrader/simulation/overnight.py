"""Whether the close before a recorded session may be taken over, or something lies between.

Raw prices know nothing of splits: 645.57 in the evening and 92.69 in the morning is what a file shows of a
split of 7:1. The file does not say so, and a price alone is no proof, so no price is adjusted: such a close
is refused, by a rule with a name, and what it looks like is said. A split or dividend that moves the price
less than `CHANGE_PERCENT_MAX` is not found here.

Who carries a position over such a night has to settle what became of it, and may go by `Split`: that it was
one is then a supposition, and must be called so.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from agenttrader.model.sessions import Session
from agenttrader.model.words import Word
from agenttrader.simulation.recording import Recording, in_order

CHANGE_PERCENT_MAX = 20
"""A night that changes a price by more is not believed without being told why."""
SPLIT_PERCENT_MAX = 3
"""How far from a whole number the two prices' ratio may lie for it to look like a split."""


class Overnight(Word):
    """What is made of the close before."""

    TAKEN = "taken"
    SPLIT_BETWEEN = "split_between"
    TOO_FAR = "too_far"
    NOT_RECORDED = "not_recorded"


class Split(Struct, frozen=True, kw_only=True):
    """What two prices look like: `new` shares for `old`; one of them is 1."""

    new: int
    old: int

    def __str__(self) -> str:
        return f"{self.new}:{self.old}"


class PreviousClose(Struct, frozen=True, kw_only=True):
    """The close before a session. `price` is None unless it is taken over; `found` is what was recorded."""

    rule: Overnight
    date: str
    """Of the exchange's session before."""
    found: Decimal | None
    price: Decimal | None
    sentence: str


def judge_close(recording: Recording, before: Session, first: Decimal) -> PreviousClose:
    """The last price of the regular session `before`, judged by the `first` of the session after it."""
    trades = in_order((row for row in recording.trades if row.date == before.date), recording.file)
    closes = [row.said.close for row in trades.rows if before.is_open_at(row.start) and row.said.volume]
    if not closes:
        sentence = f"{before.date}, the session before, is not recorded: no close is taken over"
        return PreviousClose(
            rule=Overnight.NOT_RECORDED, date=before.date, found=None, price=None, sentence=sentence
        )
    close = closes[-1]
    rule, sentence = Overnight.TAKEN, f"{before.date} closed at {close:f}"
    if abs(first - close) * 100 > CHANGE_PERCENT_MAX * close:
        rule, sentence = _refusal(close, before.date, first)
    taken = close if rule is Overnight.TAKEN else None
    return PreviousClose(rule=rule, date=before.date, found=close, price=taken, sentence=sentence)


def split_between(close: Decimal, first: Decimal) -> Split | None:
    """The split that would explain the `first` price after `close`; None where no whole number does."""
    larger, smaller = max(close, first), min(close, first)
    ratio = (larger / smaller).to_integral_value(ROUND_HALF_EVEN)
    if abs(larger - ratio * smaller) * 100 > SPLIT_PERCENT_MAX * ratio * smaller:
        return None
    return Split(new=int(ratio), old=1) if close > first else Split(new=1, old=int(ratio))


def _refusal(close: Decimal, date: str, first: Decimal) -> tuple[Overnight, str]:
    between = f"{close:f} at the close of {date} and {first:f} at this open"
    split = split_between(close, first)
    if split is None:
        return Overnight.TOO_FAR, f"{between} lie too far apart: that close is not taken over"
    return (
        Overnight.SPLIT_BETWEEN,
        f"{between} look like a split of {split} between: that close is not taken over, no price is adjusted",
    )
