"""What a configuration means to whoever decides by it: the gateway, and who says what that would decide."""

from agenttrader.app.config import Configuration
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant
from agenttrader.portfolio.holdings import FeeSchedule
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.statements import Authority


def rules_of(
    configuration: Configuration,
    calendar: Calendar,
    wired: tuple[str, ...],
    examined_until: Instant | None = None,
) -> Rules:
    """The rules, with the sessions of `calendar` and the halt switches that are `wired`.

    `examined_until` is how long a gateway of a real account may rely on its exam: without, no window opens.
    """
    return Rules(
        authority=Authority(
            account=configuration.account.name,
            is_simulated=configuration.broker.is_simulated,
            examined_until=examined_until,
            configuration=configuration.digest,
            ceiling=configuration.environment.mode_ceiling,
            people={name: person.role for name, person in configuration.people.items()},
            keys={name: person.public_key for name, person in configuration.people.items()},
            requesters={
                name: agent.requester
                for name, agent in configuration.agents.items()
                if agent.requester is not None
            },
            persons=configuration.environment.people,
        ),
        limits=configuration.limits,
        limits_digest=configuration.limits.digest,
        breakers=configuration.breakers,
        grants=configuration.grants(),
        instruments=configuration.instruments,
        calendar=calendar,
        fees=FeeSchedule(
            sec_rate=configuration.account.fees.sec_rate,
            taf_rate=configuration.account.fees.taf_rate,
            taf_cap=configuration.account.fees.taf_cap,
        ),
        wired_switches=wired,
        market_source=configuration.marketdata.source,
        comparison_seconds_max=configuration.reconciliation.age_seconds_max,
        structure_grace=configuration.reconciliation.structure_grace,
        approvals=None if configuration.approvals is None else configuration.approvals.terms,
    )
