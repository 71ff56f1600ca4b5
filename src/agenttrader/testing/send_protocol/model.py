"""Deciding, writing, sending, answering, crashing and recovering, as one pure function from world to world.

Two wishes of one agent, A for one and B for two, where two may be held; a disk, a wire and a broker; a
gateway that may die at any point, a kill, and somebody who trades by hand while no gateway runs. `acts` says
what may happen next, `after` what comes of it. Nothing is left to chance: whoever plays it chooses.

What it leaves out: prices, partial fills, cancels, replacements, and how long anything takes.
"""

from typing import assert_never

from msgspec.structs import replace

from agenttrader.testing.send_protocol.rules import Promise, Rule
from agenttrader.testing.send_protocol.state import (
    LIMIT,
    QUANTITIES,
    SENT_MAX,
    STARTS_MAX,
    TOLD_MAX,
    Act,
    Gateway,
    Name,
    Order,
    Ours,
    Place,
    Sent,
    Verb,
    World,
)

Rules = frozenset[Rule]


def acts(world: World, rules: Rules) -> list[Act]:
    """What may happen next."""
    found = [act for place in range(len(world.gateways)) for act in _at_gateway(world, rules, place)]
    for number, sent in enumerate(world.wire):
        if sent.place is Place.FLYING:
            found += [Act(Verb.ARRIVE, number), Act(Verb.VANISH, number)]
        if sent.place is Place.WORKING:
            found.append(Act(Verb.FILL, number))
    runs = [each for each in world.gateways if each is not None]
    if runs and not world.killed:
        found.append(Act(Verb.KILL))
    if not runs and not world.by_hand and world.epoch:
        found.append(Act(Verb.TRADE_BY_HAND))
    return found


def _at_gateway(world: World, rules: Rules, place: int) -> list[Act]:
    gateway = world.gateways[place]
    if gateway is None:
        is_free = place == 0 if Rule.ONE_GATEWAY in rules else world.gateways[0] is not None or place == 0
        return [Act(Verb.START, 0, place)] if is_free and world.epoch < STARTS_MAX else []
    crash = Act(Verb.CRASH, 0, place)
    if gateway.decided is not None:
        # One writer: nothing else is handled until what was decided is written and sent.
        may_send = gateway.is_written or Rule.WRITTEN_FIRST not in rules
        sends = [Act(Verb.SEND, 0, place)] if may_send and len(world.wire) < SENT_MAX else []
        return [*([] if gateway.is_written else [Act(Verb.WRITE, 0, place)]), *sends, crash]
    found = [
        Act(Verb.PROPOSE, wish, place) for wish in range(len(QUANTITIES)) if _is_worth(gateway, rules, wish)
    ]
    for number, sent in enumerate(world.wire):
        if sent.epoch == gateway.epoch and not sent.heard:
            if sent.place in (Place.WORKING, Place.FILLED):
                found.append(Act(Verb.ANSWER, number, place))
            found.append(Act(Verb.SILENCE, number, place))
        if sent.place is Place.FILLED and sent.told < TOLD_MAX:
            found.append(Act(Verb.TELL, number, place))
        if Rule.NEVER_SENT_AGAIN not in rules and _state(gateway, sent.name) is Ours.UNKNOWN:
            found += [Act(Verb.SEND_AGAIN, number, place)] * (len(world.wire) < SENT_MAX)
    return [*found, Act(Verb.COMPARE, 0, place), crash]


def _is_worth(gateway: Gateway, rules: Rules, wish: int) -> bool:
    """Whether proposing it changes anything: what is denied, or known already, does not."""
    if gateway.is_stopped or (Rule.COMPARED_FIRST in rules and not gateway.is_compared):
        return False
    if Rule.SAME_WISH_SAME_ORDER in rules and any(order.wish == wish for order in gateway.book):
        return False
    return _exposure(gateway, rules) + QUANTITIES[wish] <= LIMIT


def _exposure(gateway: Gateway, rules: Rules) -> int:
    """What is held, and what may fill by the book."""
    counted = {Ours.SENDING, Ours.WORKING} | ({Ours.UNKNOWN} if Rule.UNKNOWN_COUNTS in rules else set())
    return gateway.held + sum(QUANTITIES[it.wish] for it in gateway.book if it.state in counted)


def _state(gateway: Gateway, name: Name) -> Ours | None:
    return next((order.state for order in gateway.book if order.name == name), None)


def after(world: World, act: Act, rules: Rules) -> World:
    """The world once it has happened."""
    gateway = world.gateways[act.gateway]
    match act.verb:
        case Verb.ARRIVE | Verb.VANISH | Verb.FILL:
            place = {Verb.ARRIVE: Place.WORKING, Verb.VANISH: Place.GONE, Verb.FILL: Place.FILLED}[act.verb]
            return _with_sent(world, act.number, place=place)
        case Verb.KILL:
            return replace(world, fence=world.epoch, killed=True)
        case Verb.TRADE_BY_HAND:
            return replace(world, by_hand=1)
        case Verb.START:
            return _started(world, act.gateway)
        case Verb.CRASH:
            return _with_gateway(world, act.gateway, None)
        case _:
            assert gateway is not None, f"expected a gateway that runs, for {act}"
            return _handled(world, act, gateway, rules)


def _handled(world: World, act: Act, gateway: Gateway, rules: Rules) -> World:
    """What a gateway does."""
    match act.verb:
        case Verb.PROPOSE:
            sequence = len(world.disk) + 1
            order = Order(act.number, (gateway.epoch, sequence), Ours.SENDING)
            return _with_gateway(world, act.gateway, replace(gateway, decided=order, is_written=False))
        case Verb.WRITE:
            assert gateway.decided is not None, "expected what was decided"
            written = replace(world, disk=(*world.disk, _as_recorded(gateway.decided, rules)))
            return _with_gateway(written, act.gateway, replace(gateway, is_written=True))
        case Verb.SEND:
            return _sent(world, act.gateway, gateway, rules)
        case Verb.SEND_AGAIN:
            sent = world.wire[act.number]
            return _on_the_wire(world, Sent(sent.wish, sent.name, gateway.epoch), gateway)
        case Verb.ANSWER | Verb.SILENCE:
            heard = _with_sent(world, act.number, heard=True)
            state = Ours.WORKING if act.verb is Verb.ANSWER else Ours.UNKNOWN
            return _learned(heard, act.gateway, gateway, world.wire[act.number].name, state)
        case Verb.TELL:
            told = _with_sent(world, act.number, told=world.wire[act.number].told + 1)
            return _filled(told, act.gateway, gateway, world.wire[act.number].name, rules)
        case Verb.COMPARE:
            return _compared(world, act.gateway, rules)
        case Verb.ARRIVE | Verb.VANISH | Verb.FILL | Verb.KILL | Verb.TRADE_BY_HAND | Verb.START | Verb.CRASH:
            raise AssertionError(f"expected what a gateway does, found {act}")
        case _:
            assert_never(act.verb)


_NO_NAME = (0, 0)


def _as_recorded(order: Order, rules: Rules) -> Order:
    """What the disk has of it: where the id does not follow from the record, it is lost with the process."""
    return order if Rule.ID_FROM_RECORD in rules else replace(order, name=_NO_NAME)


def _started(world: World, place: int) -> World:
    """A gateway, folded from the disk: what was leaving may have left."""
    epoch = world.epoch + 1
    book = tuple(
        replace(order, state=Ours.UNKNOWN) if order.state is Ours.SENDING else order for order in world.disk
    )
    return _with_gateway(replace(world, epoch=epoch), place, Gateway(epoch, book, world.held))


def _sent(world: World, place: int, gateway: Gateway, rules: Rules) -> World:
    """The last look, then the wire."""
    order = gateway.decided
    assert order is not None, "expected what was decided"
    if _sees_kill(world, gateway, rules):
        withheld = replace(order, state=Ours.ENDED)
        book = (*gateway.book, withheld)
        done = replace(gateway, book=book, decided=None, is_compared=False, is_stopped=True)
        return _with_gateway(_on_disk(world, withheld), place, done)
    done = replace(gateway, book=(*gateway.book, order), decided=None)
    return _on_the_wire(
        _with_gateway(world, place, done), Sent(order.wish, order.name, gateway.epoch), gateway
    )


def _on_the_wire(world: World, sent: Sent, gateway: Gateway) -> World:
    wire = (*world.wire, sent)
    may_fill = world.by_hand + sum(QUANTITIES[it.wish] for it in wire if it.place is not Place.GONE)
    broken = set(world.broken)
    if may_fill > LIMIT:
        broken.add(Promise.WITHIN_LIMIT)
    if gateway.epoch <= world.fence:
        broken.add(Promise.KILLED)
    return replace(world, wire=wire, broken=frozenset(broken))


def _learned(world: World, place: int, gateway: Gateway, name: Name, state: Ours) -> World:
    """The gateway learns what became of an order; that is on disk at once. A state never goes back."""
    order = next((each for each in gateway.book if each.name == name), None)
    if order is None or _RANK[order.state] >= _RANK[state]:
        return _with_gateway(world, place, gateway)
    learned = replace(order, state=state)
    book = tuple(learned if each.name == name else each for each in gateway.book)
    return _with_gateway(_on_disk(world, learned), place, replace(gateway, book=book))


_RANK = {Ours.SENDING: 0, Ours.UNKNOWN: 1, Ours.WORKING: 2, Ours.FILLED: 3, Ours.ENDED: 3}


def _filled(world: World, place: int, gateway: Gateway, name: Name, rules: Rules) -> World:
    """The gateway hears of an execution."""
    order = next((each for each in gateway.book if each.name == name), None)
    if order is None or (order.state is Ours.FILLED and Rule.COUNTED_BY_ID in rules):
        return world
    quantity = QUANTITIES[order.wish]
    counted = replace(gateway, held=gateway.held + quantity)
    return _learned(replace(world, held=world.held + quantity), place, counted, name, Ours.FILLED)


def _compared(world: World, place: int, rules: Rules) -> World:
    """Have everything told again, ask for what is unknown, and hold the books against each other."""
    if Rule.TOLD_AGAIN in rules:
        for sent in world.wire:
            gateway = _running(world, place)
            if sent.place is Place.WORKING:
                world = _learned(world, place, gateway, sent.name, Ours.WORKING)
            if sent.place is Place.FILLED:
                world = _filled(world, place, gateway, sent.name, rules)
    if Rule.SILENCE_ENDS_NOTHING not in rules:
        for order in _running(world, place).book:
            if order.state is Ours.UNKNOWN and order.name not in {sent.name for sent in _at_broker(world)}:
                world = _learned(world, place, _running(world, place), order.name, Ours.ENDED)
    gateway = _running(world, place)
    if any(_state(gateway, sent.name) is not _AS_WHAT[sent.place] for sent in _at_broker(world)):
        world = replace(world, broken=world.broken | {Promise.KNOWN})
    agrees = not _differs(world, gateway) or Rule.BREAK_HALTS not in rules
    stops = gateway.is_stopped or _sees_kill(world, gateway, rules)
    return _with_gateway(world, place, replace(gateway, is_compared=agrees and not stops, is_stopped=stops))


def _sees_kill(world: World, gateway: Gateway, rules: Rules) -> bool:
    return Rule.FENCE_IS_LOOKED_AT in rules and gateway.epoch <= world.fence


def _differs(world: World, gateway: Gateway) -> bool:
    """Whether anything is at the broker that the book does not say, or the other way round."""
    if any(order.state in (Ours.SENDING, Ours.UNKNOWN) for order in gateway.book):
        return True
    if any(_state(gateway, sent.name) is None for sent in _at_broker(world)):
        return True
    return gateway.held != _executed(world)


_AS_WHAT = {Place.WORKING: Ours.WORKING, Place.FILLED: Ours.FILLED}


def _at_broker(world: World) -> list[Sent]:
    return [sent for sent in world.wire if sent.place in _AS_WHAT]


def _executed(world: World) -> int:
    return world.by_hand + sum(QUANTITIES[sent.wish] for sent in world.wire if sent.place is Place.FILLED)


def _running(world: World, place: int) -> Gateway:
    gateway = world.gateways[place]
    assert gateway is not None, "expected a gateway that runs"
    return gateway


def _with_gateway(world: World, place: int, gateway: Gateway | None) -> World:
    gateways = tuple(gateway if number == place else it for number, it in enumerate(world.gateways))
    return replace(world, gateways=gateways)


def _with_sent(world: World, number: int, **changes: object) -> World:
    sent = replace(world.wire[number], **changes)
    return replace(world, wire=(*world.wire[:number], sent, *world.wire[number + 1 :]))


def _on_disk(world: World, order: Order) -> World:
    return replace(world, disk=tuple(order if it.name == order.name else it for it in world.disk))


def broken(world: World) -> frozenset[Promise]:
    """The promises that do not hold in this world, or did not as something left."""
    found = set(world.broken)
    wishes = [sent.wish for sent in world.wire]
    if len(set(wishes)) < len(wishes):
        found.add(Promise.AT_MOST_ONCE)
    if not set(wishes) <= {order.wish for order in world.disk}:
        found.add(Promise.RECORDED)
    if any(gateway is not None and gateway.held > _executed(world) for gateway in world.gateways):
        found.add(Promise.COUNTED)
    return frozenset(found)
