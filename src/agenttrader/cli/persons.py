"""`agenttrader persons`: who may loosen, known by a key of their own."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from agenttrader.cli.operating import person_at

PASSPHRASE_CHARACTERS_MIN = 8
"""NIST SP 800-63B, section 5.1.1: the fewest that a secret has which a person chooses."""

persons = typer.Typer(
    help="Make the key and the token of a person.", rich_markup_mode=None, no_args_is_help=True
)


@persons.callback()
def group() -> None:
    """Keep `new` a word of its own: with one command alone Typer would leave it out."""


@persons.command()
def new(
    person: Annotated[
        Path, typer.Argument(metavar="FOLDER/NAME", help="NAME.key and NAME.token are made in the folder.")
    ],
    *,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="viewer, operator, approver or admin.")
    ] = "operator",
) -> None:
    """Make a person, and print the table that a configuration needs to know them.

    The passphrase of the key, of 8 characters or more, is asked for twice. Whoever has the token looks, halts
    and closes; what loosens takes the key and its passphrase.
    """
    from agenttrader.app.operators.perform import make_person
    from agenttrader.model.authority import PersonRole
    from agenttrader.model.errors import BadValue

    known = [each.value for each in PersonRole]
    if role not in known:
        raise BadValue(f"--role: expected one of {', '.join(known)}, found {role!r}")
    files = person_at(person)
    made = make_person(files.stem, new_passphrase())
    print(f"[people.{files.name}]")
    print(f'public_key = "{made.public_key}"')
    print(f'token_sha256 = "{made.token_sha256}"')
    print(f'role = "{role}"')
    print(f"made {files.key} and {files.token}; keep both to yourself", file=sys.stderr)


def new_passphrase() -> str:
    """A passphrase for a new key: asked for twice on a terminal, one line of a pipe. Never a short one."""
    import getpass

    from agenttrader.model.errors import BadValue

    is_typed = sys.stdin.isatty()
    passphrase = getpass.getpass("new passphrase: ") if is_typed else sys.stdin.readline().rstrip("\n")
    if not passphrase:
        raise BadValue("passphrase: expected one for the person's key, found none; nothing was made")
    if len(passphrase) < PASSPHRASE_CHARACTERS_MIN:
        raise BadValue(
            f"passphrase: expected {PASSPHRASE_CHARACTERS_MIN} characters or more, found {len(passphrase)}; "
            "nothing was made"
        )
    if is_typed and passphrase != getpass.getpass("the same again: "):
        raise BadValue("passphrase: expected the same twice, found two; nothing was made")
    return passphrase
