"""Whether our clock can be believed: it never goes back, and the broker's says the same.

Where the data's own time rules, at the simulated exchange, there is no clock to doubt: told again from the
day's beginning, as after a restart, that time lies before what is on record.
"""

from collections.abc import Iterator

from agenttrader.gateway.breakers import by_clock
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.events import Halted
from agenttrader.model.times import Duration, Instant
from agenttrader.runtime.breakers import CLOCK, Breakers
from agenttrader.runtime.inputs import AccountStated, Input
from agenttrader.runtime.rules import Rules


def skewed(
    received: Input, rules: Rules, breakers: Breakers, now: Instant, on_record: Instant
) -> Iterator[Halted]:
    """The latch that is due by what was received at `now`, where `on_record` is the latest time before it.

    A statement has the broker's time at which it was read last.
    """
    if rules.authority.is_simulated:
        return
    scope = Scope(ScopeKind.ACCOUNT, rules.authority.account)
    if (CLOCK, scope) in breakers.tripped:
        return
    ahead = Duration(now - received.statement.time) if isinstance(received, AccountStated) else None
    tripped = by_clock(rules.breakers, Duration(on_record - now), ahead)
    if tripped is not None:
        yield Halted(scope=scope, state=tripped.state, by=CLOCK, reason=tripped.reason)
