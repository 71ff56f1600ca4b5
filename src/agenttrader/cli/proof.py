"""`agenttrader proof`: the bundle that proves an order's life, and whether one does, by the public key."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.journal import Where, make_sure_of_run
from agenttrader.cli.json_answers import print_json
from agenttrader.cli.telling import tell

if TYPE_CHECKING:
    from agenttrader.app.journals.proof import OrdersLife, Proof

AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]


class _OrderFirst(TyperGroup):
    """`proof ORDER …` is `proof order ORDER …`: what is no verb of it is an order."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args and (args[0] in self.commands or args[0].startswith("-"))
        return super().resolve_command(ctx, args if known else ["order", *args])


proof = typer.Typer(
    cls=_OrderFirst,
    help="Prove the life of an order to a third person: `proof ORDER RUN`, `proof verify BUNDLE`.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@proof.command()
def order(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, or how it begins.")],
    path: Where,
    *,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="Where it is written; else audit_artifacts/proofs/ORDER.json."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the bundle of an order: its records, each chained to the next, up to a signed one.

    Then it is verified as a third person would.
    """
    from agenttrader.app.journals.proof import make_proof

    make_sure_of_run(path)
    _say(make_proof(path, order, to), as_json=as_json)


@proof.command()
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The file of the proof.")],
    *,
    key: Annotated[
        Path, typer.Option("--key", metavar="FILE", help="The journal's public key, such as journal.pub.")
    ],
    as_json: AsJson = False,
) -> None:
    """Find whether a bundle proves what it says. It needs no journal and no configuration.

    Exit code 1 where it does not.
    """
    from agenttrader.app.journals.proof import verify_proof

    _say(verify_proof(bundle, key), as_json=as_json)


def _say(found: "Proof", *, as_json: bool) -> None:
    if as_json:
        print_json(_json(found))
    else:
        print(f"bundle    {found.bundle}")
        if found.life is not None:
            print(f"account   {found.account}")
            print(f"records   {found.first} to {found.last}, the last signed with key {found.key_id}")
            _tell_life(found.life)
        print(f"verdict   {f'NOT PROVEN: {found.finding}' if found.finding else 'proven'}")
    raise typer.Exit(ExitCode.FINDING if found.finding else ExitCode.DONE)


def _tell_life(life: "OrdersLife") -> None:
    from agenttrader.cli.journal_lines import line_for_person
    from agenttrader.model.times import rfc3339

    proposal = life.proposal
    for mark in life.marks:
        time = "no time" if mark.time is None else rfc3339(mark.time)
        tell(f"price     {mark.symbol} at {mark.price}, of {time}, from {mark.source}")
    tell(f"order     {proposal.id}, by {proposal.agent}: {proposal.reason}")
    tell(f"decision  {life.code}, {life.checks} checks")
    if life.client_id is not None:
        tell(f"left      as {life.client_id}: ask the broker for that id")
    tell(f"filled    {life.filled} of {proposal.quantity}")
    for sealed in life.records:
        print(line_for_person(sealed))


def _json(found: "Proof") -> dict[str, Any]:
    from agenttrader.cli.json_answers import builtins_of
    from agenttrader.model.record_lines import line_of

    life = found.life
    said: dict[str, Any] = {
        "bundle": str(found.bundle),
        "proven": not found.finding,
        "finding": found.finding,
        "account": found.account,
        "key_id": found.key_id,
        "first": found.first,
        "last": found.last,
        "order": None,
    }
    if life is not None:
        import msgspec

        said["order"] = {
            "id": life.proposal.id,
            "decision": life.code,
            "checks": life.checks,
            "prices": builtins_of(life.marks),
            "client_id": life.client_id,
            "quantity": str(life.proposal.quantity),
            "filled": life.filled,
            "records": [msgspec.Raw(line_of(each)) for each in life.records],
        }
    return said
