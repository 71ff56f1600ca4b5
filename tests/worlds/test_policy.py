"""What a replay says of other limits is what a day that is really played by them shows.

The first decision that comes out otherwise is the last that was made on the same past: from there on the two
days are different days. So up to it, and with it, both must say the same.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from random import Random

import pytest

from agenttrader.app.policy.again import Replay
from agenttrader.app.policy.alike import outcome
from agenttrader.model.events import Decided, Event
from agenttrader.model.identifiers import OrderId
from agenttrader.model.records import Sealed
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.rule_values import values_of, with_values
from agenttrader.runtime.rules import Rules
from agenttrader.testing.careless_day import play_for_records
from agenttrader.testing.careless_kind import kind_of
from agenttrader.testing.careless_world import MULTIPLIERS, rules

SEEDS, MINUTES_MAX = range(2, 7), 60
KEYS = (
    "account.open_orders_max",
    "account.gross_exposure_max",
    "account.net_exposure_max",
    "account.daily_orders_max",
    "account.daily_new_risk_max",
    "account.dead_machine_loss_max",
    "agent.strategist.orders_per_minute_max",
    "agent.bot.gross_exposure_max",
    "symbol.ALFA.order_notional_max",
    "symbol.BRAVO.price_collar_fraction_max",
    "symbol.CHARLY.position_quantity_max",
    "symbol.DELTA.order_quantity_max",
)
Told = tuple[OrderId, str]


class Tighter:
    """Some limits cut to a part of what they were, by chance."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.parts = {key: Decimal(chance.randint(1, 30)) / 100 for key in chance.sample(KEYS, 3)}

    def __call__(self, own: Rules) -> Rules:
        values = values_of(own)
        cut = {key: _cut(values[key], part) for key, part in self.parts.items()}
        return with_values(own, {**values, **cut})


def _cut(value: str, part: Decimal) -> str:
    """Whole numbers stay whole."""
    cut = Decimal(value) * part
    return str(cut if "." in value else int(cut))


@cache
def played(seed: int) -> list[Sealed[Event]]:
    return play_for_records(seed, MINUTES_MAX, lambda own: own, Engine)


def told_by(records: Sequence[Sealed[Event]]) -> list[Told]:
    """Every decision as it was made."""
    return [
        (sealed.event.proposal.id, outcome(sealed.event.decision))
        for sealed in records
        if isinstance(sealed.event, Decided)
    ]


def asked_of(records: Sequence[Sealed[Event]], own: Rules, tighter: Tighter) -> Iterator[tuple[Told, Told]]:
    """Every decision as it was made, and as the replay says that it would have been."""
    replay = Replay(own, MULTIPLIERS, tighter)
    for sealed in records:
        for again in replay.see(sealed):
            name = again.proposal.id
            yield (name, outcome(again.recorded)), (name, outcome(again.asked))


@pytest.mark.parametrize("seed", SEEDS)
def test_up_to_the_first_that_changes_a_replay_tells_the_day_that_would_have_been(seed: int) -> None:
    tighter, own = Tighter(seed), rules(kind_of(seed, MINUTES_MAX).minutes)
    pairs = list(asked_of(played(seed), own, tighter))
    changed = [number for number, (was, now) in enumerate(pairs) if was != now]
    end = changed[0] + 1 if changed else len(pairs)
    said = [now for _, now in pairs[:end]]
    real = told_by(play_for_records(seed, MINUTES_MAX, tighter, Engine))
    assert said == real[:end]
    if not changed:
        assert len(real) == end


def test_enough_changes_to_show_it() -> None:
    changes = 0
    for seed in SEEDS:
        own = rules(kind_of(seed, MINUTES_MAX).minutes)
        changes += any(was != now for was, now in asked_of(played(seed), own, Tighter(seed)))
    assert changes >= 3
