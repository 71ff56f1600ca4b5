"""What becomes of orders once they are placed: fills, legs armed, siblings shrunk and canceled, replacements.

Every change is written to the books and said, in this order. Times, prices and amounts come from the caller;
nothing here knows of bars or sessions.

- An entry arms its legs when it has filled whole, not before.
- Of two exits the one that fills in part shrinks the other, the one that fills whole cancels it.
- What ends an order that waits to be replaced rejects its replacement; a fill that is whole rejects a cancel
  that was still pending, and that of a leg which was held until this fill.
"""

from msgspec.structs import replace

from agenttrader.model.times import Instant
from agenttrader.simulation.books import Books
from agenttrader.simulation.clearing import Clearing
from agenttrader.simulation.inputs import OrderChanged, Update
from agenttrader.simulation.orders import Event, Execution, OrderClass, Status, VenueOrder
from agenttrader.simulation.trailing import stop_behind


class Floor:
    """The orders of every account, and what they did to its books."""

    def __init__(self, clearing: Clearing) -> None:
        self.clearing = clearing
        self.books: Books = clearing.books
        self.numberings = clearing.numberings
        self._updates: list[Update] = []

    def take_updates(self) -> tuple[Update, ...]:
        """What was said since this was asked last."""
        said, self._updates = tuple(self._updates), []
        return said

    def tell(self, update: Update) -> None:
        """Say something that is about no order."""
        self._updates.append(update)

    def say(
        self,
        order: VenueOrder,
        event: Event,
        execution: Execution | None = None,
        previous_execution_id: str | None = None,
    ) -> None:
        """Say what happened to an order, which stands as it is written down."""
        legs = self.books.legs_of(order) if order.legs else ()
        self._updates.append(
            OrderChanged(
                event=event,
                order=order,
                legs=legs,
                position=0 if order.is_package else self.books.ledger.lots(order.account, order.symbol),
                execution=execution,
                previous_execution_id=previous_execution_id,
            )
        )

    def change(self, order: VenueOrder, event: Event, execution: Execution | None = None) -> None:
        """Write down what an order has become, and say so."""
        self.books.change(order)
        self.say(order, event, execution)

    def members(self, order: VenueOrder) -> tuple[VenueOrder, ...]:
        """The order and what stands and falls with it: an entry and its legs."""
        entry = order if order.entry is None else self.books.orders[order.entry]
        return (entry, *self.books.legs_of(entry))

    def end(self, order: VenueOrder, status: Status, event: Event, time: Instant) -> None:
        """End an order that does not fill; what waited to replace it, or to be replaced by it, is told."""
        was_replacing = order.is_replacing
        replacement = order.replaced_by if order.status is Status.PENDING_REPLACE else None
        self.change(order.become(status, time, replaced_by=None), event)
        if replacement is not None:
            self._reject_replacement(self.books.orders[order.id], replacement, time)
        if was_replacing:
            self._restore(self.books.orders[order.replaces or order.id], time)

    def cancel_all(self, order: VenueOrder, time: Instant) -> None:
        """Cancel the order and what stands and falls with it, what is open of them."""
        for each in self.members(order):
            current = self.books.orders[each.id]
            if current.status.is_open:
                self.end(current, Status.CANCELED, Event.CANCELED, time)

    def fill(self, order: VenueOrder, lots: int, price: int, time: Instant, legs_from: Instant) -> None:
        """Fill so many lots at a price in units; an entry that is whole arms legs for bars `legs_from`."""
        sequence, execution_id = self.numberings[order.account].next()
        execution = Execution(id=execution_id, lots=lots, price=price, time=time)
        filled = order.fill(execution)
        self.clearing.execute(filled, execution, sequence)
        self._say_filled(order, filled, execution)
        if filled.status is Status.FILLED:
            self._arm(filled, time, legs_from)
        self._settle_siblings(filled, time)

    def fill_package(self, order: VenueOrder, units: int, net: int, time: Instant) -> None:
        """Count units of an order whose legs have just filled, at their net price.

        Its execution moves nothing and is no activity: those of the legs are.
        """
        _, execution_id = self.numberings[order.account].next()
        execution = Execution(id=execution_id, lots=units, price=net, time=time)
        self._say_filled(order, order.fill(execution), execution)

    def add_replacement(self, old: VenueOrder, new: VenueOrder, time: Instant, *, pending: bool) -> None:
        """Write down what is to replace an order; where that takes time, both are said to be pending."""
        self.books.add(new)
        waiting = old.become(Status.PENDING_REPLACE, time, replaced_by=new.id)
        self.books.change(waiting)
        if pending:
            self.say(waiting, Event.PENDING_REPLACE)
            self.say(new, Event.PENDING_NEW)

    def complete_replacement(self, new: VenueOrder, time: Instant) -> None:
        """Put an order in the place of the one that it replaces, with what that has filled."""
        old = self.books.orders[new.replaces or new.id]
        if new.lots <= old.filled_lots:
            self.end(new, Status.REJECTED, Event.REJECTED, time)
            return
        status = Status.PARTIALLY_FILLED if old.filled_lots else Status.NEW
        if old.execution is None and self._is_held(old):
            status = Status.HELD
        current = new.become(
            status,
            time,
            lots=old.lots if old.order_class is not OrderClass.SIMPLE else new.lots,
            filled_lots=old.filled_lots,
            filled_value=old.filled_value,
            execution=old.execution,
            triggered=old.triggered,
            legs=old.legs,
            high_water=old.high_water,
            stop=new.stop
            if old.high_water == new.high_water or old.high_water is None
            else stop_behind(
                self.books.listings[old.symbol], old.high_water, old.side, new.trail, new.trail_percent
            ),
        )
        self.books.change(current)
        self._relink(old, current)
        self.change(old.become(Status.REPLACED, time, legs=()), Event.REPLACED)
        self.say(current, Event.NEW)

    def _is_held(self, order: VenueOrder) -> bool:
        """Whether an entry that has not filled whole still holds this leg back."""
        if order.entry is None:
            return False
        entry = self.books.orders[order.entry]
        return entry.order_class is not OrderClass.OCO and entry.status is not Status.FILLED

    def _relink(self, old: VenueOrder, new: VenueOrder) -> None:
        for leg in self.books.legs_of(old):
            self.books.amend(replace(leg, entry=new.id))
        if old.entry is not None:
            entry = self.books.orders[old.entry]
            legs = tuple(new.id if leg == old.id else leg for leg in entry.legs)
            self.books.amend(replace(entry, legs=legs))

    def _say_filled(self, before: VenueOrder, filled: VenueOrder, execution: Execution) -> None:
        """Write a fill down, say so, and end what raced against it where it is whole."""
        if filled.status is not Status.FILLED:
            self.change(filled, Event.PARTIAL_FILL, execution)
            return
        self.change(filled, Event.FILL, execution)
        if before.status is Status.PENDING_CANCEL:
            self.say(filled, Event.ORDER_CANCEL_REJECTED)
        if before.status is Status.PENDING_REPLACE and before.replaced_by is not None:
            self._reject_replacement(filled, before.replaced_by, execution.time)

    def _reject_replacement(self, old: VenueOrder, new_id: str, time: Instant) -> None:
        """The order is beyond replacing, so what was to replace it never comes to be."""
        self.say(old, Event.ORDER_REPLACE_REJECTED)
        new = self.books.orders[new_id]
        if new.status.is_open:
            self.change(new.become(Status.REJECTED, time), Event.REJECTED)

    def _restore(self, old: VenueOrder, time: Instant) -> None:
        """What was to replace the order has ended: it goes on as it was."""
        if old.status is not Status.PENDING_REPLACE:
            return
        status = Status.PARTIALLY_FILLED if old.filled_lots else Status.NEW
        restored = old.become(status, time, replaced_by=None)
        self.change(restored, Event.ORDER_REPLACE_REJECTED)

    def _arm(self, filled: VenueOrder, time: Instant, legs_from: Instant) -> None:
        for leg in self.books.legs_of(filled):
            if leg.status is Status.HELD:
                armed = leg.become(
                    Status.NEW, time, eligible_from=legs_from, lots=filled.lots, is_unwanted=False
                )
                self.change(armed, Event.NEW)
                if leg.is_unwanted:
                    self.say(armed, Event.ORDER_CANCEL_REJECTED)

    def _settle_siblings(self, filled: VenueOrder, time: Instant) -> None:
        """Exits that share what is held: what one has filled the other cannot."""
        entry = filled if filled.entry is None else self.books.orders[filled.entry]
        if entry.order_class is OrderClass.MLEG:
            return
        exits = self.members(filled) if entry.order_class is OrderClass.OCO else self.books.legs_of(entry)
        if all(each.id != filled.id for each in exits):
            return
        for each in exits:
            if each.id == filled.id or not each.status.is_open:
                continue
            if filled.leaves == 0:
                self.end(each, Status.CANCELED, Event.CANCELED, time)
            else:
                shrunk = replace(each, lots=each.filled_lots + filled.leaves, updated_at=time)
                self.books.amend(shrunk)
                self.say(shrunk, Event.RESTATED)
