import msgspec
import pytest

from agenttrader.adapters.memory_journal import MemoryJournal
from agenttrader.model.errors import TamperingFound
from agenttrader.model.records import Chain
from agenttrader.testing.events import filled, opened, sealed


def test_what_is_changed_in_memory_is_found_when_it_is_read() -> None:
    journal = MemoryJournal()
    records = sealed(Chain(), opened(), filled(1), filled(2))
    journal.append(records)
    journal._records[1] = msgspec.structs.replace(records[1], time=5)
    with pytest.raises(TamperingFound, match="record 2: its hash does not cover"):
        list(journal.read())
    journal._records[1] = sealed(Chain(1, records[0].hash), filled(9))[0]
    with pytest.raises(TamperingFound, match="record 3: it does not follow"):
        list(journal.read())
