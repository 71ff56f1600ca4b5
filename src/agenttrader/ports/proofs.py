"""What a proof bundle says, once its hashes and its signature have been found to hold."""

from msgspec import Struct

from agenttrader.model.events import Event
from agenttrader.model.identifiers import AccountName, OrderId
from agenttrader.model.records import Sealed


class Proven(Struct, frozen=True, kw_only=True):
    """These records stood, in this order, in the journal of the account."""

    account: AccountName
    order: OrderId
    """What the bundle was asked about; no proof by itself that it is in the records."""
    key_id: str
    """Who signed the last record's hash."""
    records: tuple[Sealed[Event], ...]
