"""Planted bugs of the decision: limits, prices, rates, the window and persons' yes."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from agenttrader.gateway.checks import exposure
from agenttrader.model.decisions import Check, Verdict
from agenttrader.model.events import SegmentOpened
from agenttrader.model.values import ZERO
from agenttrader.runtime import approvals, engine, waiting
from agenttrader.runtime.breakers import Breakers
from agenttrader.runtime.entries import Entries
from agenttrader.runtime.messages import Messages
from agenttrader.runtime.staleness import Staleness
from agenttrader.runtime.state import State
from agenttrader.testing.planting import planted, spoiled, wrapped, wrapped_check


def _passes(original: Any, case: Any) -> Check:
    found: Check = original(case)
    return structs.replace(found, passed=True)


@planted("A price of any age is fresh.")
def stale_price_passes() -> Iterator[None]:
    """In the check of the price's age, and in the breaker that hears silence."""
    with (
        wrapped_check("quote_age", _passes),
        spoiled(Staleness, "judge", lambda *_: iter(())),
    ):
        yield


@planted("A price from the future is a price.")
def future_price_passes() -> Iterator[None]:
    """In the check of the price's time."""
    with wrapped_check("quote_time", _passes):
        yield


@planted("A price below nought is a price.")
def negative_price_passes() -> Iterator[None]:
    """In the check of the price."""
    with wrapped_check("quote", _passes):
        yield


@planted("The account's limit of exposure is used where the agent's binds.")
def account_limit_for_agent() -> Iterator[None]:
    """In the check of the agent's exposure."""

    def check(original: Any, case: Any) -> Any:
        return original(structs.replace(case, agent_limits=case.account_limits))

    with wrapped_check("gross_exposure_agent", check):
        yield


@planted("An order is held against the exposure that is, without what it adds.")
def exposure_without_the_order() -> Iterator[None]:
    """In the checks of exposure, which add up what is carried and what is asked for."""

    def carried_only(original: Any, code: str, carried: Any, added: Any, permitted: Any) -> Any:
        return original(code, carried, added if added is None else ZERO, permitted)

    with wrapped(exposure, "sum_at_most", carried_only):
        yield


@planted("The limit of a position counts what is held, and not what works to add to it.")
def position_without_open_orders() -> Iterator[None]:
    """In the check of the position."""

    def check(original: Any, case: Any) -> Any:
        leg = structs.replace(case.leg, open_buy=ZERO, open_sell=ZERO)
        return original(structs.replace(case, leg=leg))

    with wrapped_check("position", check):
        yield


@planted("The account's rate of orders is that of the agent that asks.")
def account_rate_is_the_agents() -> Iterator[None]:
    """In the state, where decisions of the last minute are counted."""

    def recent(original: Any, state: Any, *given: Any) -> Any:
        agent, _ = original(state, *given)
        return agent, agent

    with wrapped(State, "decided_last_minute", recent):
        yield


@planted("Replacements and cancels count for no rate of messages.")
def messages_are_not_counted() -> Iterator[None]:
    """In the state: a bot that replaces in a loop has no limit."""
    with spoiled(Messages, "note", lambda *_: None), spoiled(Messages, "note_cancel", lambda *_: None):
        yield


@planted("The entries of the day are counted since the process began.")
def restart_forgets_the_day() -> Iterator[None]:
    """In the state: each restart gives the day's limits anew."""

    def standing(original: Any, state: Any, sealed: Any) -> None:
        original(state, sealed)
        if isinstance(sealed.event, SegmentOpened):
            state.entries = Entries()

    with wrapped(State, "_apply_to_standing", standing):
        yield


@planted("How often an agent asked for the same is forgotten as soon as it has left.")
def repeats_are_forgotten() -> Iterator[None]:
    """In the sums of the day's entries."""
    with spoiled(Entries, "repeated", lambda *_: 0):
        yield


@planted("The loss of the day counts from the last equity, not from that at the open.")
def loss_counts_from_now() -> Iterator[None]:
    """In the state, where the day's begin is known."""
    with spoiled(State, "day_start_equity", property(lambda state: state.equity and state.equity.equity)):
        yield


@planted("Breakers are computed and shown, and halt nothing.")
def breakers_only_show() -> Iterator[None]:
    """In the engine's breakers."""
    with spoiled(Breakers, "due", lambda *_: iter(())):
        yield


@planted("An entry may wait for a person for as long as it takes.")
def approval_never_ends() -> Iterator[None]:
    """In the approvals: neither time, nor a halt, nor the price voids what waits."""
    with spoiled(approvals, "voided", lambda *_: iter(())):
        yield


@planted("Who proposed may approve.")
def own_request_is_approved() -> Iterator[None]:
    """In the approvals, where two persons are told apart."""

    def judged(original: Any, signed: Any, held: Any, people: Any, requesters: Any) -> Any:
        return original(signed, held, people, dict.fromkeys(requesters, "somebody else"))

    with wrapped(waiting, "judged", judged):
        yield


@planted("One yes is enough, however many are needed.")
def one_yes_is_enough() -> Iterator[None]:
    """In the approvals, and in the check of them."""

    def check(original: Any, case: Any) -> Any:
        needed = min(1, case.snapshot.persons_needed)
        return original(structs.replace(case, snapshot=structs.replace(case.snapshot, persons_needed=needed)))

    with (
        spoiled(waiting.Waiting, "is_approved", property(lambda held: bool(held.approved_by))),
        wrapped_check("approval", check),
    ):
        yield


@planted("What a person approved leaves as it was shown: it is not decided again.")
def approved_is_not_decided_again() -> Iterator[None]:
    """In the engine: limits and halts of the meantime do not count."""

    def decide(original: Any, proposal: Any, snapshot: Any, limits: Any) -> Any:
        found = original(proposal, snapshot, limits)
        if not snapshot.approved_by or len(snapshot.approved_by) < snapshot.persons_needed:
            return found
        checks = tuple(structs.replace(check, passed=True) for check in found.checks)
        return structs.replace(found, verdict=Verdict.APPROVED, denied_by=None, checks=checks)

    with wrapped(engine, "decide", decide):
        yield
