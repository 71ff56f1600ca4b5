"""Whether a gateway may start at the configured broker, by what stands in writing about it."""

from typing import assert_never

from agenttrader.app.config import Configuration
from agenttrader.app.conformance import Wanted, fault_of, good_until, read_reports
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AccountName
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_surroundings import Surroundings


def refuse_to_start(configuration: Configuration, code: str, now: Instant) -> Instant | None:
    """Raise ConfigurationError where this version, of the commit `code`, does not trade that account.

    A paper account needs an exam of its own that passed, by this code, and lately; what is returned is until
    when that may be relied on. The venue needs none. Live needs one of a paper account, and also a verdict
    that it is ready, which this version cannot give: so live is refused in any case.
    """
    match configuration.broker.kind:
        case Surroundings.SIMULATED:
            return None
        case Surroundings.PAPER:
            wanted = _wanted(configuration, code, configuration.account.name)
        case Surroundings.LIVE:
            wanted = _wanted(configuration, code, None)
        case _:
            assert_never(configuration.broker.kind)
    assert configuration.conformance is not None, "a configuration for a real account says where they are"
    kept = configuration.conformance.reports
    reports = read_reports(configuration.path(kept))
    fault = fault_of(reports, wanted, now)
    lacks = fault and f"{fault}, in {kept}: `agenttrader brokers conformance` makes one"
    if lacks is None and configuration.broker.kind is Surroundings.LIVE:
        lacks = "this version can give no verdict that it is ready for live orders"
    if lacks is None:
        return good_until(reports, wanted)
    raise ConfigurationError(
        f"[broker] kind: expected venue, found {configuration.broker.kind.value}: {lacks}; nothing was "
        "started"
    )


def _wanted(configuration: Configuration, code: str, account: AccountName | None) -> Wanted:
    settings = configuration.conformance
    assert settings is not None, "a configuration for a real account says where its reports are"
    return Wanted(kind=Surroundings.PAPER.value, code=code, account=account, days_max=settings.age_days_max)
