"""What an exchange may do to an order against everybody's wish: bust a trade, correct its price, reject it.

Alpaca's stream has words for each and its pages say no more, so the rest is our own rule:

- A bust takes an execution out of the order, the holding, the cash and the list of activities. An order that
  has ended stays ended; one that is open may fill again. Its legs are canceled where the entry is no longer
  whole. The fees stay.
- A correction gives an execution another price, and another id, in all of them.
- A rejection ends an open order and what waits for it: the legs of an entry, a replacement. What it was to
  protect is not protected. Of several options at once all legs go.
- Executions of options are not busted: what covers a call, and what has expired, cannot be taken back. The
  price of an order in one option may be corrected; of several at once it is a net price, and stands.
"""

from decimal import Decimal

from msgspec.structs import replace

from agenttrader.model.times import Instant
from agenttrader.simulation.floor import Floor
from agenttrader.simulation.inputs import Activity, FillPosted
from agenttrader.simulation.orders import Event, Execution, OrderClass, Status, VenueOrder


def bust(floor: Floor, execution_id: str, time: Instant) -> str | None:
    """Take an execution back; the id of its order, or None where there is no such execution."""
    place = _place(floor, execution_id)
    if place is None or place[2].order.is_option:
        return None
    fills, number, fill = place
    order, execution = floor.books.orders[fill.order.id], fill.execution
    floor.clearing.bust(fill.order, execution)
    del fills[number]
    for each in _chain(floor, order):
        _amend(floor, each, -execution.lots, -execution.lots * execution.price, time)
    busted = floor.books.orders[order.id]
    floor.say(busted, Event.TRADE_BUST, execution)
    for leg in floor.books.legs_of(busted) if busted.status is Status.FILLED else ():
        if leg.status.is_open and leg.entry == busted.id:
            floor.end(leg, Status.CANCELED, Event.CANCELED, time)
    return order.id


def correct(floor: Floor, execution_id: str, corrected_price: Decimal, time: Instant) -> str | None:
    """Give an execution another price; the id of its order, or None where there is none. Raises BadValue."""
    place = _place(floor, execution_id)
    if place is None or place[2].order.order_class is OrderClass.MLEG:
        return None
    fills, number, fill = place
    price = floor.books.listings[fill.order.symbol].units(corrected_price, "price")
    order, execution = floor.books.orders[fill.order.id], fill.execution
    sequence, corrected_id = floor.numberings[order.account].next()
    corrected = replace(execution, id=corrected_id, price=price)
    floor.clearing.correct(fill.order, execution, corrected)
    fills[number] = replace(fill, id=corrected_id, sequence=sequence, execution=corrected)
    for each in _chain(floor, order):
        _amend(floor, each, 0, execution.lots * (price - execution.price), time, execution, corrected)
    floor.say(floor.books.orders[order.id], Event.TRADE_CORRECT, corrected, execution_id)
    return order.id


def reject(floor: Floor, order_id: str, message: str, time: Instant) -> str | None:
    """Reject an open order for the reason given; its id, or None where there is none."""
    order = floor.books.orders.get(order_id)
    if order is None or not order.status.is_open:
        return None
    floor.books.amend(replace(order, rejection=message))
    floor.end(floor.books.orders[order.id], Status.REJECTED, Event.REJECTED, time)
    if order.order_class is OrderClass.MLEG:
        for each in floor.members(order):
            if floor.books.orders[each.id].status.is_open:
                floor.end(floor.books.orders[each.id], Status.REJECTED, Event.REJECTED, time)
    for leg in floor.books.legs_of(order):
        if floor.books.orders[leg.id].status is Status.HELD:
            floor.end(leg, Status.CANCELED, Event.CANCELED, time)
    return order_id


def _place(floor: Floor, execution_id: str) -> tuple[list[Activity], int, FillPosted] | None:
    """Where an execution stands among its account's activities."""
    for activities in floor.clearing.activities.values():
        for number, activity in enumerate(activities):
            if isinstance(activity, FillPosted) and activity.execution.id == execution_id:
                return activities, number, activity
    return None


def _chain(floor: Floor, order: VenueOrder) -> list[VenueOrder]:
    """The order, and those that replaced it one after the other: each counts what it had filled."""
    chain = [order]
    while (current := chain[-1]).status is Status.REPLACED and current.replaced_by is not None:
        chain.append(floor.books.orders[current.replaced_by])
    return chain


def _amend(
    floor: Floor,
    order: VenueOrder,
    lots: int,
    value: int,
    time: Instant,
    before: Execution | None = None,
    after: Execution | None = None,
) -> None:
    filled_lots = order.filled_lots + lots
    execution = after if order.execution == before and after is not None else order.execution
    amended = replace(
        order,
        filled_lots=filled_lots,
        filled_value=order.filled_value + value,
        execution=execution if filled_lots else None,
        updated_at=time,
    )
    if not filled_lots and order.status is Status.PARTIALLY_FILLED:
        amended = replace(amended, status=Status.NEW)
    floor.books.amend(amended)
