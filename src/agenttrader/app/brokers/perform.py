"""Examining a configured account: refused for all but paper, asked for in words, left in writing."""

from collections.abc import Mapping
from pathlib import Path

from agenttrader.app.brokers.exam import sit
from agenttrader.app.brokers.wiring import at_bench, commit_of, now, write_report
from agenttrader.app.config import Configuration, load
from agenttrader.app.conformance import Report
from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instruments import Option
from agenttrader.model.times import rfc3339, to_datetime
from agenttrader.protocols.alpaca_surroundings import Surroundings


def read_paper(path: Path, environment: Mapping[str, str]) -> Configuration:
    """The configuration in `path`. Raises ConfigurationError unless its account is one of Alpaca's paper."""
    found = load(path, environment)
    if found.broker.kind is not Surroundings.PAPER:
        raise ConfigurationError(
            f"{path}: [broker] kind: expected alpaca_paper, found {found.broker.kind.value}: the exam sends "
            "orders, and only to a paper account"
        )
    return found


def symbol_of(configuration: Configuration, asked: str | None) -> Symbol:
    """What the exam's orders are in: a listed share, `asked` or the first. Raises BadValue."""
    shares = [
        name
        for name, found in configuration.instruments.items()
        if not isinstance(found, Option) and "/" not in name and name in configuration.limits.symbol
    ]
    if asked is not None and asked not in shares:
        raise BadValue(f"--symbol: expected one of {', '.join(shares) or 'no share'}, found {asked}")
    if not shares:
        raise BadValue("--symbol: expected a share in [instruments] with limits of its own, found none")
    return shares[0] if asked is None else Symbol(asked)


async def examine(
    configuration: Configuration, symbol: Symbol, environment: Mapping[str, str]
) -> tuple[Report, Path]:
    """Sit the exam and keep its report in a folder of its own, the second value, where reports are kept.

    Raises Unreachable where nothing was sent because the broker gives no answer, StoreError where a gateway
    of the account runs or nothing can be kept.
    """
    assert configuration.conformance is not None, "a real account says where its reports are"
    folder = configuration.path(configuration.conformance.reports)
    code, began = commit_of(environment), now()
    kept = folder / f"{to_datetime(began):%Y%m%dT%H%M%SZ}-{configuration.account.name}"
    async with at_bench(configuration, kept, code) as bench:
        sitting = await sit(bench, configuration.account.name, symbol)
    report = Report(
        kind=configuration.broker.kind.value,
        address=configuration.broker.address or "",
        account=configuration.account.name,
        symbol=symbol,
        began=rfc3339(began),
        ended=rfc3339(now()),
        configuration=configuration.digest,
        code=code,
        passed=sitting.has_passed,
        sitting=sitting,
    )
    write_report(kept, report)
    return report, kept
