"""A played day of one symbol at prices that a test names, with the exits unit as a process of its own."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from agenttrader.adapters.recorded_files import read_recording
from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import BreakFound, Decided, Filled
from agenttrader.model.orders import Effect, Side
from agenttrader.protocols.native import PositionBody, Snapshot
from agenttrader.testing.killed_day import KilledDay
from agenttrader.testing.played_day import Change
from agenttrader.testing.recordings import write_trades

ROLES = ("venue", "marketdata", "gateway", "exits")
HALF_DAY = "2026-11-27"
MINUTES = 210
"""Of its session."""
VOLUME_PERCENT = 10
UNPROTECTED_SECONDS_MAX = 240
PARTIAL_FILL_SECONDS = 60
RULES: dict[str, Any] = {
    "multiplier": 1,
    "day_trade_rule": False,
    "settled_cash": False,
    "wash_trade_rule": False,
    "volume_percent": VOLUME_PERCENT,
    "pending_seconds": "none",
    "late_fees": False,
    "done_for_day": False,
    "requests_per_minute_max": "any",
    **dict.fromkeys(
        (
            "cat_rate",
            "crypto_maker_rate",
            "crypto_taker_rate",
            "margin_rate",
            "easy_borrow_rate",
            "hard_borrow_rate",
        ),
        "0",
    ),
}
Minute = tuple[int, int, int, int]
"""Lowest and highest price, close, and volume. It opens where the minute before closed."""


def flat(price: int, minutes: int = 1, volume: int = 100_000) -> list[Minute]:
    """So many minutes at one price."""
    return [(price, price, price, volume)] * minutes


class ExitsDay(KilledDay):
    """A half day in ALFA: the minutes that the test names, and then the last price until the close."""

    def __init__(
        self,
        folder: Path,
        minutes: Sequence[Minute],
        inbox: str = "watermark",
        change: Change = lambda _: None,
    ) -> None:
        """`change` may alter the tables once more."""
        rest = flat(minutes[-1][2], MINUTES - len(minutes))
        write_trades(folder / "prices", "ALFA", _rows((*minutes, *rest)))

        def changed(tables: dict[str, Any]) -> None:
            _change(tables, folder, inbox)
            change(tables)

        super().__init__(folder, changed, ROLES)

    async def enter(self, quantity: int, **changes: Any) -> str:
        """The agent buys ALFA, to be left at 90, at 130 or 4 from the best price; what it is answered."""
        answer = await self.propose(
            **{
                "quantity": str(quantity),
                "type": "market",
                "limit_price": None,
                "decision_price": "100",
                "exit_plan": {"stop": "90.00", "target": "130.00", "trail": "4.00"},
                **changes,
            }
        )
        state = str(answer.get("state"))
        assert state not in {"None", "denied"}, answer
        return state

    async def bars(self, count: int) -> None:
        """Let so many minutes pass."""
        for _ in range(count):
            await self.bar()

    async def position(self) -> PositionBody | None:
        """What is held, as the gateway tells a person; None when flat."""
        found = await self.ask("/v1/snapshot", Snapshot)
        return found.positions[0] if found.positions else None

    async def held_at_venue(self) -> Decimal:
        """What the venue says is held."""
        return sum((Decimal(each["qty"]) for each in await self.at_venue("/v2/positions")), Decimal(0))

    async def working(self) -> list[dict[str, Any]]:
        """What works at the venue, legs beside their orders."""
        found = await self.at_venue("/v2/orders?status=open&nested=false")
        assert isinstance(found, list), found
        return found

    def asked(self, effect: Effect, agent: str = "exits") -> list[Decided]:
        """The proposals of this kind that the agent made and that were approved."""
        return [
            event
            for event in self.journal()
            if isinstance(event, Decided)
            and (event.proposal.agent, event.proposal.effect) == (agent, effect)
            and event.decision.denied_by is None
        ]

    def holdings(self) -> list[Decimal]:
        """What was held after each fill."""
        return list(_running(each for each in self.journal() if isinstance(each, Filled)))

    def unprotected(self) -> list[str]:
        """The breaks that were found because something was bare for too long."""
        found = (event.found for event in self.journal() if isinstance(event, BreakFound))
        return [each.sentence for each in found if each.kind is BreakKind.UNPROTECTED]


def _running(fills: Iterable[Filled]) -> Iterator[Decimal]:
    held = Decimal(0)
    for fill in fills:
        held += fill.quantity * (1 if fill.side is Side.BUY else -1)
        yield held


def _rows(minutes: Sequence[Minute]) -> list[str]:
    first, last, rows = datetime.fromisoformat(f"{HALF_DAY}T09:30:00"), minutes[0][2], []
    for number, (low, high, close, volume) in enumerate(minutes):
        time = (first + timedelta(minutes=number)).isoformat()
        rows.append(f"{time},{last},{max(high, last, close)},{min(low, last, close)},{close},{volume}")
        last = close
    return rows


def _change(tables: dict[str, Any], folder: Path, inbox: str) -> None:
    """One symbol of recorded prices, a venue that fills by volume, and the exits unit."""
    for table in (tables["instruments"], tables["limits"]["symbol"]):
        for name in [name for name in table if name != "ALFA"]:
            del table[name]
    tables["limits"]["group"] = {}
    tables["agents"]["momentum"]["symbols"] = ["ALFA"]
    tables["agents"]["visitor"]["symbols"] = []
    tables["strategy"]["run"][0]["symbols"] = ["ALFA"]
    tables["limits"]["account"] |= {
        "unprotected_seconds_max": UNPROTECTED_SECONDS_MAX,
        "dead_machine_loss_max": "100000",
    }
    tables["venue"]["rules"] = RULES
    tables["gateway"]["inbox"] = inbox
    market = tables["marketdata"]
    market["date"] = HALF_DAY
    market["prices"] = {
        "source": "recorded",
        "folder": "prices",
        "symbol": "ALFA",
        "files_sha256": read_recording(folder / "prices", "ALFA").digest,
    }
    market["barrier"] = ["demo", "exits"]
    tables["exits"]["partial_fill_seconds"] = PARTIAL_FILL_SECONDS
