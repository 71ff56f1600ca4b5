"""Whether a gateway may start at the configured broker, by what stands in writing about it."""

from typing import assert_never

from agenttrader.app.config import Configuration
from agenttrader.app.conformance import fault_of, read_reports
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_surroundings import Surroundings


def refuse_to_start(configuration: Configuration, code: str, now: Instant) -> None:
    """Raise ConfigurationError where this version, of the commit `code`, does not trade that account.

    A real account needs an exam of the paper account that passed, by this code, and lately. Live also needs a
    verdict that it is ready, which this version cannot give: so live is refused in any case.
    """
    match configuration.broker.kind:
        case Surroundings.SIMULATED:
            return
        case Surroundings.PAPER:
            lacks = _fault_of_reports(configuration, code, now)
        case Surroundings.LIVE:
            lacks = _fault_of_reports(configuration, code, now) or (
                "this version can give no verdict that it is ready for live orders"
            )
        case _:
            assert_never(configuration.broker.kind)
    if lacks is None:
        return
    raise ConfigurationError(
        f"[broker] kind: expected venue, found {configuration.broker.kind.value}: {lacks}; nothing was "
        "started"
    )


def _fault_of_reports(configuration: Configuration, code: str, now: Instant) -> str | None:
    wanted = configuration.conformance
    assert wanted is not None, "a configuration for a real account says where its reports are"
    reports, paper = read_reports(configuration.path(wanted.reports)), Surroundings.PAPER.value
    fault = fault_of(reports, kind=paper, code=code, now=now, days_max=wanted.age_days_max)
    return fault and f"{fault}, in {wanted.reports}: `agenttrader brokers conformance` makes one"
