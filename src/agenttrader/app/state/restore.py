"""A lost store comes back from the daily export, up to its last record: a person's explicit, signed act.

The export has every record byte for byte, so what comes back is the journal itself: orders, ids that are used
up, statements that were given, halts. What was recorded after the export's last record is lost; the runtime
state and the signed heads say that there was such, and then it takes a word more. The gateway starts on it
halted, by a latch in the person's name that a person lifts, and compares with the broker.
"""

from pathlib import Path

from msgspec import Struct

from agenttrader.app.config import Configuration
from agenttrader.app.operators.person import PersonFiles
from agenttrader.app.state.wiring import Rebuilding, signer_of
from agenttrader.model.authority import MAY_SIGN, Act
from agenttrader.model.errors import StatementRefused, StoreError
from agenttrader.model.identifiers import AccountName, PersonName
from agenttrader.model.records import GENESIS
from agenttrader.model.times import Instant

ACT = "restore"
"""What the act is called on record, and the side journal that it is noted in."""


class Restoration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person signs: that this account's journal is made again from these records."""

    act: str
    account: AccountName
    records: int
    head: str
    lost_up_to: int
    """The last record that is known to have been; the export's own where none is lost."""
    person: PersonName
    reason: str
    issued_at: Instant


class Restored(Struct, frozen=True, kw_only=True):
    """What came back."""

    journal: Path
    records: int
    head: str
    lost: int
    """How many records are known to be lost."""
    lost_heads: Path | None
    """Where the heads of lost records were put."""


def restore(
    configuration: Configuration, files: PersonFiles, passphrase: str, reason: str, *, without_tail: bool
) -> Restored:
    """Make the journal of this configuration again, by the person's signature.

    Raises StoreError where there is a journal, no export, or records are lost and that is not accepted;
    TamperingFound where export, heads and runtime state do not say the same; StatementRefused where the
    person is not one who may, or another key signed.
    """
    person = files.name
    role = configuration.people[person].role if person in configuration.people else None
    if role not in MAY_SIGN[Act.RESUME]:
        found = "nobody" if role is None else role.value
        raise StatementRefused(f"{person}: expected a person of [people] who may resume, found {found}")
    sign = signer_of(files, passphrase)
    rebuilding = Rebuilding(configuration)
    rebuilding.refuse_journal()
    looked = rebuilding.look()
    records, head, known = looked.records, looked.head, looked.known
    if not records:
        raise StoreError(f"{rebuilding.folder}: expected a daily export to restore from, found no record")
    if known > records and not without_tail:
        raise StoreError(
            f"{rebuilding.folder}: expected the export to reach record {known}, which a signed head or the "
            f"runtime state names, found record {records} its last. The {known - records} after it are lost "
            "if no other copy has them: put that in its place or, to go on without them, --without-tail; the "
            "broker's orders and fills of then are found as breaks"
        )
    assert head != GENESIS
    said = Restoration(
        act=ACT,
        account=configuration.account.name,
        records=records,
        head=head,
        lost_up_to=max(known, records),
        person=person,
        reason=reason,
        issued_at=rebuilding.now(),
    )
    envelope = sign(said)
    rebuilding.refuse_forged(envelope, said, person)
    rebuilding.fence_off(looked, person, f"the journal was restored: {reason}")
    lost_heads = rebuilding.rebuild()
    rebuilding.note(ACT, person, f"{records} records, head {head}; {reason}; signed: {envelope}")
    return Restored(
        journal=rebuilding.journal,
        records=records,
        head=head,
        lost=max(0, known - records),
        lost_heads=lost_heads,
    )
