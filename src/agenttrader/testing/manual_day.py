"""A hostile day whose agent's entries persons approve, or do not, while all else goes wrong."""

from decimal import Decimal

from msgspec.structs import replace

from agenttrader.model.authority import Act
from agenttrader.runtime.inputs import Input
from agenttrader.testing.approving import ANN, BEN, EVE, TERMS, manual_rules, word
from agenttrader.testing.builders import PERSON
from agenttrader.testing.hostile_day import HostileDay

_PATIENT = replace(TERMS, expiry_seconds=3_600, adverse_move_fraction=Decimal("0.15"))
"""Such days jump, in time and in price: little would live to be answered by closer terms."""


class ManualDay(HostileDay):
    """As `HostileDay`, with one or two persons needed; the bot's entries need none."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, manual_rules(replace(_PATIENT, persons_needed=1 + seed % 2)))

    def _any_input(self) -> Input:
        waiting = tuple(self.engine.state.approvals.waiting.values())
        if not waiting or self._one_in(3):
            return super()._any_input()
        act = Act.DENY_ORDER if self._one_in(6) else Act.APPROVE_ORDER
        digest = self._one_of(*waiting).asked.digest
        nonce = f"word {self.chance.randrange(10_000)}"
        return word(digest, self._one_of(ANN, ANN, BEN, BEN, EVE, PERSON), act, epoch=self.epoch, nonce=nonce)
