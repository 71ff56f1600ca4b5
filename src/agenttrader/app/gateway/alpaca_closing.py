"""How much of a position a client wants closed, and the close of it as a proposal of ours.

Alpaca takes so many units, or so many in a hundred of what is held; where neither is said it is the whole.
"""

import re
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agenttrader.app.gateway.alpaca_answers import created
from agenttrader.app.gateway.alpaca_questions import CloseAsked
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol, derive_order_id
from agenttrader.model.instruments import CryptoPair, Instrument, Spread
from agenttrader.model.market import Mark
from agenttrader.model.orders import Effect, Leg, OrderType, Proposal, Side, TimeInForce
from agenttrader.model.times import Instant
from agenttrader.model.values import NOISE, SHOWN_CHARACTERS_MAX, ZERO, on_step
from agenttrader.portfolio.orders import Order
from agenttrader.portfolio.tenures import Tenure
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.snapshots import is_planned, reducible

HUNDRED = Decimal(100)
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{0,40})?")
"""A number as clients write it, a float's tail of noise too."""
_EXACT = Context(prec=120)
"""Room for each digit of a product of two such numbers."""


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Less than the whole, perhaps, in the client's words: units, or so many in a hundred of what is held."""

    quantity: Decimal | None = None
    percentage: Decimal | None = None

    def units(self, held: Decimal, lot: Decimal) -> Decimal:
        """How many of the units that are `held`, in whole lots: of a percentage rounded down.

        What lies within 1e-9 of a lot is taken as meant. Raises BadValue for none, and for what is on no lot.
        """
        if self.quantity is not None:
            return on_step(self.quantity, lot, "qty")
        assert self.percentage is not None, "expected a quantity or a percentage, found neither"
        with localcontext(_EXACT):
            lots = held * self.percentage / (HUNDRED * lot)
            nearest = lots.to_integral_value(ROUND_HALF_EVEN)
            is_meant = abs(nearest - lots) * lot <= NOISE
            found = ((nearest if is_meant else lots.to_integral_value(ROUND_FLOOR)) * lot).quantize(lot)
        if found <= ZERO:
            raise BadValue(
                f"percentage: expected a lot of {lot.normalize():f} or more of the {held:f} that are held, "
                f"found {self.percentage:f} in a hundred of them"
            )
        return found

    def digest(self, agent: AgentName, symbol: Symbol, sequence: int) -> str:
        """What these words of the agent's are known by, for as long as the position of that name is held."""
        said = msgspec.json.encode(self).decode()
        return derive_order_id("alpaca close of a part", agent, symbol, sequence, said)


def part_of(asked: CloseAsked) -> Part | None:
    """What is asked for; None: the whole. Raises BadValue for what cannot be."""
    if asked.qty is not None and asked.percentage is not None:
        raise BadValue("qty: expected it or percentage, found both")
    if asked.qty is not None:
        return Part(quantity=_positive(asked.qty, "qty"))
    if asked.percentage is None:
        return None
    percentage = _positive(asked.percentage, "percentage")
    if abs(percentage - HUNDRED) <= NOISE:
        return None
    if percentage > HUNDRED:
        raise BadValue(f"percentage: expected at most 100, found {_shown(asked.percentage)}")
    return Part(percentage=percentage)


def closing_proposal(
    symbol: Symbol,
    name: OrderId,
    agent: AgentName,
    *,
    part: Part | None,
    position: Decimal,
    instrument: Instrument | None,
    mark: Mark | None,
    now: Instant,
) -> Proposal:
    """The close of the position that the agent holds in `symbol`, or of a part. Raises BadValue."""
    if part is None:
        quantity = abs(position)
    elif instrument is None or isinstance(instrument, Spread):
        raise BadValue(f"qty: the lot of {symbol} is not known; close the whole")
    else:
        quantity = part.units(abs(position), instrument.lot)
    return Proposal(
        id=name,
        agent=agent,
        strategy=StrategyName(""),
        legs=(Leg(symbol),),
        side=Side.SELL if position > 0 else Side.BUY,
        quantity=quantity,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC if isinstance(instrument, CryptoPair) else TimeInForce.DAY,
        effect=Effect.CLOSE,
        reason=f"alpaca close of {'' if part is None else 'a part of '}{symbol}",
        decision_price=ZERO if mark is None else mark.price,
        decision_time=now,
        correlation_id=name,
    )


def by_procedure(sale: Proposal, engine: Engine) -> Proposal:
    """A sale of a part at the market, as a close of that part where what protects the position holds it.

    It is so only where an exits unit protects what stays; elsewhere it stays what it is, and is denied.
    """
    symbol, book = sale.symbol, engine.state.book
    held = book.position(symbol) * -sale.side.sign
    is_part = sale.effect is Effect.REDUCE and len(sale.legs) == 1 and sale.quantity < held
    at_market = sale.type is OrderType.MARKET and sale.time_in_force.rests and not sale.extended_hours
    if not (is_part and at_market and engine.rules.has_exits_unit and is_planned(book, symbol)):
        return sale
    free = reducible(Effect.REDUCE, symbol, engine.state)
    return sale if free is None or sale.quantity <= free else replace(sale, effect=Effect.CLOSE)


def took_a_part(exit_order: Order, tenure: Tenure | None) -> bool:
    """Whether it closed a part of the position that is held still: asked again, it would be taken twice."""
    is_of_it = tenure is not None and tenure.since < created(exit_order)
    return exit_order.effect is Effect.CLOSE and bool(exit_order.filled) and is_of_it


def _positive(text: str, name: str) -> Decimal:
    if not _NUMBER.fullmatch(text) or not (number := Decimal(text)):
        raise BadValue(f"{name}: expected a decimal number above 0, found {_shown(text)}")
    with localcontext(_EXACT):
        return number.normalize()  # 3 and 3.0 are the same words.


def _shown(text: str) -> str:
    return repr(text[:SHOWN_CHARACTERS_MAX])
