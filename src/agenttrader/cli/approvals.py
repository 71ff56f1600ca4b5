"""`agenttrader approvals`: the entries that wait for a person, and a person's signed yes or no to one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.json_answers import builtins_of, print_json
from agenttrader.cli.operating import (
    AsJson,
    Config,
    Reason,
    Who,
    at_desk,
    pen_at,
    require_reason,
    signing_at_desk,
)
from agenttrader.cli.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from agenttrader.app.operators.acts import Operator, Pen
    from agenttrader.model.authority import Act
    from agenttrader.model.decisions import Check
    from agenttrader.model.orders import ExitPlan
    from agenttrader.protocols.native import AnswerBody
    from agenttrader.protocols.person_bodies import ApprovalBody

approvals = typer.Typer(
    help="Show the entries that wait for a person, and approve or deny one with a reason.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

_NO_LIMITS = frozenset({"lot", "tick", "stop_price", "target_price"})
"""Checks that hold a number against a number of which nothing is used."""

Decisions = Annotated[
    Path | None,
    typer.Option(
        "--decisions",
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        help="That of `agenttrader decide`, where no gateway answers: by files.",
    ),
]
OrderName = Annotated[str, typer.Argument(metavar="ID", help="The order's, as listed, or how it begins.")]


@approvals.command("list")
def list_(*, config: Config, person: Who, decisions: Decisions = None, as_json: AsJson = False) -> None:
    """Show every entry that waits for a person."""
    found = _waiting(config, person, decisions)
    if as_json:
        print_json({"approvals": builtins_of(found)})
        return
    for each in found:
        tell(f"waits     {each.order_id} {each.shown.proposal.agent} {_asked(each)}, until {_until(each)}")
    print(f"verdict   waiting for a person: {len(found) or 'nothing'}")


@approvals.command()
def show(
    order_id: OrderName, *, config: Config, person: Who, decisions: Decisions = None, as_json: AsJson = False
) -> None:
    """Show one entry that waits: all that an approval is bound to, and what is so now."""
    body = _chosen(_waiting(config, person, decisions), order_id)
    if as_json:
        print_json(builtins_of(body))
    else:
        for line in _lines(body):
            tell(line)


@approvals.command()
def approve(
    order_id: OrderName,
    *,
    config: Config,
    person: Who,
    reason: Reason,
    decisions: Decisions = None,
    as_json: AsJson = False,
) -> None:
    """Approve an entry as it is shown. Signed with the person's key; it is decided again before it leaves.

    Exit code 1 where that decision denies it; by files it is made later, by the process that decides.
    """
    from agenttrader.model.authority import Act

    if decisions is None:
        _answer(Act.APPROVE_ORDER, order_id, config, person, reason, as_json=as_json)
    else:
        _answer_by_file(Act.APPROVE_ORDER, order_id, decisions, person, reason, as_json=as_json)


@approvals.command()
def deny(
    order_id: OrderName,
    *,
    config: Config,
    person: Who,
    reason: Reason,
    decisions: Decisions = None,
    as_json: AsJson = False,
) -> None:
    """End an entry that waits. Signed with the person's key."""
    from agenttrader.model.authority import Act

    if decisions is None:
        _answer(Act.DENY_ORDER, order_id, config, person, reason, as_json=as_json)
    else:
        _answer_by_file(Act.DENY_ORDER, order_id, decisions, person, reason, as_json=as_json)


def _answer(act: "Act", order_id: str, config: Config, person: Who, reason: str, *, as_json: bool) -> None:
    require_reason(reason)

    async def word(desk: "Operator", pen: "Pen") -> "tuple[ApprovalBody, AnswerBody]":
        found = _chosen(await desk.approvals(), order_id)
        return found, await desk.answer_approval(pen, act, found, reason)

    body, answer = signing_at_desk(config, person, word)
    if as_json:
        print_json(builtins_of(answer))
    else:
        print(f"signed    {act.value} {body.order_id} {_asked(body)}")
        print(f"order     {answer.state}")
        if answer.order.denied_by is not None:
            tell(f"reason    {answer.order.denied_by}: {answer.order.sentence}")
    if answer.order.denied_by is not None:
        raise typer.Exit(ExitCode.FINDING)


def _waiting(config: Path, person: Path, decisions: Path | None) -> "tuple[ApprovalBody, ...]":
    """What waits: at the gateway or, where a folder is named, in its files."""
    if decisions is None:
        return at_desk(config, person, lambda desk: desk.approvals())
    from agenttrader.app.operators.perform import desk_of_files

    return desk_of_files(decisions).approvals()


def _answer_by_file(
    act: "Act", order_id: str, decisions: Path, person: Path, reason: str, *, as_json: bool
) -> None:
    """Leave a signed word in the folder; the process that decides says what came of it."""
    from agenttrader.app.operators.perform import desk_of_files

    require_reason(reason)
    desk = desk_of_files(decisions)
    body = _chosen(desk.approvals(), order_id)
    file = desk.answer_approval(pen_at(person), act, body, reason)
    if as_json:
        print_json({"signed": act.value, "order_id": body.order_id, "file": str(file)})
        return
    print(f"signed    {act.value} {body.order_id} {_asked(body)}")
    print(f"word      {file}: `agenttrader decide` takes it, and says what it decides")


def _chosen(found: "tuple[ApprovalBody, ...]", order_id: str) -> "ApprovalBody":
    from agenttrader.app.operators.wishes import one_of

    by_id = {str(each.order_id): each for each in found}
    return by_id[one_of(order_id, by_id, "approval")]


def _lines(body: "ApprovalBody") -> "Iterator[str]":
    """All that an approval is bound to, and what is so now."""
    shown, proposal = body.shown, body.shown.proposal
    yield f"order     {body.order_id}"
    yield f"asks      {_asked(body)}"
    yield f"agent     {proposal.agent}{f', strategy {proposal.strategy}' if proposal.strategy else ''}"
    yield f"reason    {proposal.reason or 'none was given'}"
    yield f"exit      {_plan(proposal.exit_plan)}"
    for leg in body.legs:
        yield f"quote     {leg.symbol} {_number(leg.price_shown)} as shown, {_number(leg.price_now)} now"
        yield f"position  {leg.symbol} {leg.position:f} now, {leg.position_after:f} when it has filled"
    for check in shown.decision.checks:
        if _is_limit(check):
            yield f"limit     {check.code} {check.observed} of {check.permitted}"
    yield f"void      after a move against it of more than {shown.terms.adverse_move_fraction:f}"
    yield f"until     {_until(body)}"
    persons = f"{len(body.approved_by)} of {shown.terms.persons_needed} {' '.join(body.approved_by)}"
    yield f"approved  {persons.rstrip()}"
    yield f"requester {body.requester or 'nobody is named, so nobody can approve'}"
    yield f"digest    {body.digest}"


def _asked(body: "ApprovalBody") -> str:
    """What would be done, in a few words."""
    proposal = body.shown.proposal
    legs = " and ".join(
        f"{'buy' if leg.quantity > 0 else 'sell'} {abs(leg.quantity):f} {leg.symbol}" for leg in body.legs
    )
    prices = (
        ("limit", proposal.limit_price),
        ("stop", proposal.stop_price),
        ("trail", proposal.trail_price),
        ("trail %", proposal.trail_percent),
    )
    stated = "".join(f", {name} {price:f}" for name, price in prices if price is not None)
    hours = ", also outside the session" if proposal.extended_hours else ""
    return f"{legs} {proposal.type.value}{stated}, {proposal.time_in_force.value}{hours}"


def _plan(plan: "ExitPlan | None") -> str:
    """How the position would be left."""
    from agenttrader.model.times import rfc3339

    if plan is None:
        return "no plan came with it"
    prices = (("stop", plan.stop), ("target", plan.target), ("trail", plan.trail))
    parts = [f"{name} {price:f}" for name, price in prices if price is not None]
    if plan.until is not None:
        parts.append(f"by {rfc3339(plan.until)}")
    if plan.before_close_seconds is not None:
        parts.append(f"{plan.before_close_seconds} s before the close")
    return ", ".join(parts)


def _until(body: "ApprovalBody") -> str:
    from agenttrader.model.times import rfc3339

    return rfc3339(body.shown.expires)


def _is_limit(check: "Check") -> bool:
    """Whether it holds a number against a number: a limit, and how much of it would be used."""
    from decimal import Decimal, InvalidOperation

    from agenttrader.gateway.sentences import SENTENCES

    if check.code in _NO_LIMITS or SENTENCES[check.code].holds_times:
        return False
    try:
        return all(Decimal(str(each)).is_finite() for each in (check.observed, check.permitted))
    except InvalidOperation:
        return False


def _number(value: "Decimal | None") -> str:
    return "none" if value is None else f"{value:f}"
