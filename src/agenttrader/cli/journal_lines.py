"""A journal's records as lines that a person reads: what happened, in the words of the desk."""

from decimal import Decimal
from typing import assert_never

from agenttrader.model.activities import AccountActivity
from agenttrader.model.approvals import ApprovalAsked, ApprovalEvent, ApprovalGiven, ApprovalRefused
from agenttrader.model.authority import Scope, SignedStatement
from agenttrader.model.breaks import Break
from agenttrader.model.decisions import Decision, Verdict
from agenttrader.model.events import (
    Accepted,
    AccountOpened,
    AnswerLost,
    BreakFound,
    BreakSettled,
    Busted,
    Canceled,
    CancelRefused,
    CancelRequested,
    CashPosted,
    DayOpened,
    Decided,
    DoneForDay,
    EquitySampled,
    Event,
    Expired,
    FeesPosted,
    Filled,
    Halted,
    LinkChanged,
    PastIncluded,
    PositionAdjusted,
    Reconciled,
    Rejected,
    Replaced,
    ReplaceRefused,
    ReplaceRequested,
    Restated,
    Resumed,
    SegmentOpened,
    SegmentSealed,
    Sending,
    Suspended,
    Warned,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    WindowResumed,
    WindowSuspended,
    Withheld,
)
from agenttrader.model.orders import ExitPlan, Leg, OrderType, Proposal, Side
from agenttrader.model.outside import ActedOutside, OrderAdopted
from agenttrader.model.permits import Permits, PermitsStated
from agenttrader.model.plain_text import harmless
from agenttrader.model.records import Sealed
from agenttrader.model.ruling import LimitsLoosened, LimitTightened, LooseningSigned, RulingChange
from agenttrader.model.times import MILLISECOND, Instant, rfc3339
from agenttrader.model.values import ZERO

ID_CHARACTERS = 8
"""How much of an id or a digest is shown: enough to find it by `--order`."""

_Order = (
    Decided
    | Sending
    | Withheld
    | AnswerLost
    | Accepted
    | Rejected
    | Filled
    | CancelRequested
    | CancelRefused
    | Canceled
    | Expired
    | ReplaceRequested
    | ReplaceRefused
    | Replaced
    | Suspended
    | DoneForDay
    | Busted
    | Restated
    | ApprovalEvent
)

_Account = AccountOpened | PermitsStated | PastIncluded | FeesPosted | CashPosted | PositionAdjusted


def line_for_person(sealed: Sealed[Event]) -> str:
    """Number, time, kind without its version, and what happened, on one line whatever stands in it."""
    kind = sealed.kind.partition(".")[0]
    line = f"{sealed.sequence:>7}  {_time(sealed.time):<23}  {kind:<17}  {tell(sealed.event)}"
    return harmless(line.rstrip())


def tell(event: Event) -> str:  # noqa: PLR0911, PLR0912, C901 - one arm for each kind
    """What happened, in one sentence without an end."""
    match event:
        case SegmentOpened():
            return (
                f"account {event.account}, session {event.session}, epoch {event.epoch}, "
                f"code {_short(event.code)}, configuration {_short(event.configuration)}"
            )
        case LimitTightened():
            return f"{_changed(event.change)}, by {event.by}: {event.reason}"
        case LooseningSigned():
            return f"loosening {event.signed.statement.about} by {_person(event.signed)}"
        case LimitsLoosened():
            return f"by {_person(event.signed)}: {'; '.join(map(_changed, event.changes))}"
        case SegmentSealed() | WindowSuspended():
            return event.reason
        case (
            AccountOpened()
            | PastIncluded()
            | FeesPosted()
            | CashPosted()
            | PositionAdjusted()
            | PermitsStated()
        ):
            return _tell_account(event)
        case DayOpened():
            hours = f"from {_time(event.open)} to {_time(event.close)}"
            return f"{event.session} {hours}, equity {_money(event.equity)}"
        case Halted():
            return f"{_scope(event.scope)} {event.state.value} by {event.by}: {event.reason}"
        case Warned():
            return f"{_scope(event.scope)} by {event.by}: {event.reason}"
        case Resumed():
            return f"{_scope(event.scope)} by {_person(event.signed)}"
        case WindowOpened() | WindowExtended() | WindowResumed():
            said = event.signed.statement
            return (
                f"{said.mode.value} on {_scope(said.scope)} from {_time(said.start)} to {_time(said.end)} by "
                f"{_person(event.signed)}"
            )
        case WindowClosed():
            return f"by {event.by}: {event.reason}"
        case ActedOutside() | OrderAdopted():
            return _tell_outside(event)
        case EquitySampled():
            return ", ".join(
                f"{name} {_money(amount)}"
                for name, amount in (
                    ("equity", event.equity),
                    ("cash", event.cash),
                    ("gross", event.gross_exposure),
                    ("realised", event.realised),
                    ("unrealised", event.unrealised),
                    ("fees", event.fees),
                    ("dead-machine loss", event.dead_machine_loss),
                )
            )
        case BreakFound():
            return _break(event.found)
        case BreakSettled():
            return f"{_break(event.found)}; settled by {event.by}: {event.reason}"
        case Reconciled():
            return _compared(event)
        case LinkChanged():
            return f"{event.link} {'up' if event.up else 'down'}: {event.reason}"
        case _:
            return f"{_short(event.order_id)}  {_tell_order(event)}"


def _compared(event: Reconciled) -> str:
    breaks = "; ".join(map(_break, event.breaks)) or "no breaks"
    found = f"not made: {event.failure}" if event.failure else breaks
    left = "".join(f"; left: {_break(each)}" for each in event.left)
    compared = f"orders {event.orders}, positions {event.positions}, executions {event.executions}"
    return f"{compared}: {found}{left}"


def _tell_account(event: _Account) -> str:
    match event:
        case AccountOpened():
            return f"cash {_money(event.cash)}"
        case PermitsStated():
            return _permits(event.permits)
        case PastIncluded():
            return f"in the balance that follows: {_posted(event.activities)}"
        case FeesPosted():
            return _posted(event.activities)
        case CashPosted():
            return f"{event.activity.kind.value}: {_posted((event.activity,))}"
        case PositionAdjusted():
            change = sum((each.quantity for each in event.activities), ZERO)
            return f"{change:+f} {event.symbol}: {_posted(event.activities)}"
        case _:
            assert_never(event)


def _permits(permits: Permits) -> str:
    said = {None: "not said", True: "permitted", False: "not permitted"}
    blocks = f", blocked by {', '.join(permits.blocks)}" if permits.blocks else ""
    return (
        f"{permits.status}{blocks}; coins {permits.coin_status or 'not said'}, shorting "
        f"{said[permits.shorting]}, options level {permits.options_level}"
    )


def _tell_outside(event: ActedOutside | OrderAdopted) -> str:
    if isinstance(event, OrderAdopted):
        made = event.order
        terms = f"{made.side.value} {made.quantity:f} {made.symbol} {made.type}"
        names = f"{_short(event.order_id)}  as {_short(made.broker_order_id)}"
        return f"{names}: {terms}, by {event.by}: {event.reason}"
    about = f" {event.subject}" if event.subject else ""
    held = f" ({event.held:f} held)" if event.held is not None else ""
    outcome = f": {event.outcome}" if event.outcome else ""
    return f"{event.act}{about}{held} {event.stage} at {_time(event.time)} by {event.by}{outcome}"


def _tell_order(event: _Order) -> str:  # noqa: PLR0911, PLR0912, C901 - one arm for each kind
    match event:
        case Decided():
            return _decided(event.proposal, event.decision)
        case ApprovalAsked():
            shown = event.shown
            until = f"until {_time(shown.expires)}, shown as {_short(event.digest)}"
            return f"{_decided(shown.proposal, shown.decision)}; {until}"
        case ApprovalGiven() | ApprovalRefused():
            return f"by {_person(event.signed)}"
        case Sending():
            ordered = event.instruction
            price = _price(ordered.type, ordered.limit_price, ordered.stop_price)
            plan = ExitPlan(stop=ordered.stop, target=ordered.target)
            return f"{_what(ordered.side, ordered.quantity, ordered.legs)} {price}{_plan(plan)}"
        case Accepted():
            legs = (("stop", event.stop), ("target", event.target))
            made = " and ".join(f"{name} {_short(leg.order_id)}" for name, leg in legs if leg is not None)
            return f"as {_short(event.broker_order_id)}" + (f", with {made}" if made else "")
        case Filled():
            done = f"{event.side.value} {event.quantity} {event.symbol} at {event.price}"
            return f"{done}, fee {_money(event.fee)}"
        case CancelRequested():
            return f"by {event.by}: {event.reason}"
        case ReplaceRequested():
            return f"by {_short(event.replacement)}, asked by {event.by}: {event.reason}"
        case Withheld() | AnswerLost() | Rejected() | CancelRefused() | ReplaceRefused() | Canceled():
            return event.reason
        case Expired():
            return "by its time in force"
        case Replaced():
            return "by another order"
        case Suspended():
            return "it rests, and cannot trade"
        case DoneForDay():
            return "it does not trade again today"
        case Busted():
            return f"the exchange took execution {event.execution_id} back"
        case Restated():
            return event.raw
        case _:
            assert_never(event)


def _decided(asked: Proposal, decision: Decision) -> str:
    verdict = decision.verdict.value.upper()
    if decision.verdict is Verdict.DENIED:
        failed = next((check for check in decision.checks if check.code == decision.denied_by), None)
        numbers = (
            f" (observed {_seen(failed.observed)}, permitted {_seen(failed.permitted)})" if failed else ""
        )
        verdict = f"{verdict} {decision.denied_by}{numbers}"
    price = _price(asked.type, asked.limit_price, asked.stop_price)
    if asked.trail_price is not None or asked.trail_percent is not None:
        price += f" {asked.trail_price}" if asked.trail_percent is None else f" {asked.trail_percent} %"
    what = f"{_what(asked.side, asked.quantity, asked.legs)} {price}{_plan(asked.exit_plan)}"
    return f"{verdict}: {asked.agent} would {asked.effect.value} {what}, because {asked.reason}"


def _what(side: Side, quantity: Decimal, legs: tuple[Leg, ...]) -> str:
    if len(legs) == 1 and legs[0].ratio == 1:
        return f"{side.value} {quantity} {legs[0].symbol}"
    return f"{side.value} {quantity} of {' '.join(f'{leg.ratio:+d} {leg.symbol}' for leg in legs)}"


def _price(order_type: OrderType, limit: Decimal | None, stop: Decimal | None) -> str:
    price = limit if limit is not None else stop
    return order_type.value if price is None else f"{order_type.value} {price}"


def _plan(plan: ExitPlan | None) -> str:
    if plan is None:
        return ""
    prices = (("stop", plan.stop), ("target", plan.target), ("trail", plan.trail))
    parts = [f"{name} {price}" for name, price in prices if price is not None]
    if plan.until is not None:
        parts.append(f"until {_time(plan.until)}")
    if plan.before_close_seconds is not None:
        parts.append(f"{plan.before_close_seconds} s before the close")
    return f" [{', '.join(parts)}]" if parts else ""


def _posted(activities: tuple[AccountActivity, ...]) -> str:
    """What they moved in cash, as one sum for all that have the same word, symbol and date."""
    sums: dict[str, list[Decimal]] = {}
    for each in activities:
        of = f" of {each.symbol}" if each.symbol else ""
        sums.setdefault(f"{each.word}{of} for {each.date}", []).append(each.amount)
    return ", ".join(
        f"{f'{len(amounts)} × ' if len(amounts) > 1 else ''}{name} {_money(sum(amounts, ZERO))}"
        for name, amounts in sums.items()
    )


def _break(found: Break) -> str:
    return f"{found.kind.value}: {found.sentence} (ours {found.ours}, theirs {found.theirs})"


def _scope(scope: Scope) -> str:
    return f"{scope.kind.value} {scope.name}".strip()


def _changed(change: RulingChange) -> str:
    return f"{change.name} from {change.before or 'none'} to {change.after or 'none'}"


def _person(signed: SignedStatement) -> str:
    return f"{signed.statement.person}: {signed.statement.reason}"


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _short(text: str) -> str:
    return text[:ID_CHARACTERS]


def _time(instant: Instant) -> str:
    """Cut to the millisecond, and to the second where that is nothing."""
    return rfc3339(Instant(instant // MILLISECOND * MILLISECOND))


def _seen(value: object) -> str:
    return "nothing" if value in (None, "") else str(value)
