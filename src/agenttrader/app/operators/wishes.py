"""A person's words on a command line, read strictly: when a window ends, and what a halt covers."""

import re
from collections.abc import Iterable

from agenttrader.app.gateway.status import StatusBody
from agenttrader.model.authority import EVERYTHING, Scope, ScopeKind
from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, Duration, Instant, from_rfc3339

CLOSE = "close"
_SPAN = re.compile(r"(\d{1,4})([mh])", re.ASCII)
_UNITS = {"m": MINUTE, "h": 60 * MINUTE}


def require_until(text: str) -> None:
    """Raise BadValue for what says no end of a window, before anybody types a passphrase for it."""
    if text == CLOSE or _SPAN.fullmatch(text):
        return
    try:
        from_rfc3339(text)
    except BadValue:
        raise BadValue(
            "--until: expected close, a span such as 90m or 2h, or a time such as 2026-11-20T21:00:00Z, "
            f"found {text!r}"
        ) from None


def end_of(text: str, status: StatusBody) -> Instant:
    """When a window shall end: `close`, a span such as `90m` or `2h` from now, or RFC 3339 with its offset.

    Both `close` and now are the gateway's: at a simulated venue those of the day that is played.
    """
    require_until(text)
    if text == CLOSE:
        if status.session_close is None:
            raise BadValue("--until close: expected a trading day to have begun, found none; name the time")
        return from_rfc3339(status.session_close)
    if _SPAN.fullmatch(text):
        return Instant(now_of(status) + span_of(text, "--until"))
    return from_rfc3339(text)


def span_of(text: str, option: str) -> Duration:
    """A span such as `10m` or `2h`."""
    span = _SPAN.fullmatch(text)
    if span is None:
        raise BadValue(f"{option}: expected a span such as 10m or 2h, found {text!r}")
    return Duration(int(span[1]) * _UNITS[span[2]])


def now_of(status: StatusBody) -> Instant:
    """The gateway's time. Raises BadValue before it is known."""
    if status.now is None:
        raise BadValue("the gateway has not heard the market's time yet; try again in a moment")
    return from_rfc3339(status.now)


def require_caught_up(status: StatusBody) -> None:
    """Raise BadValue while a simulated day is told again after a restart: nothing may leave until then."""
    if status.catching_up_to is not None:
        raise BadValue(
            f"the market tells again what is on record, up to {status.catching_up_to}, and it is "
            f"{status.now} there: all is halted until then; wait until `agenttrader status` says so no more"
        )


def one_of(beginning: str, names: Iterable[str], what: str) -> str:
    """The one of `names` that begins so, or is called just that: an id need not be typed to its end."""
    known = tuple(names)
    found = [name for name in known if name.startswith(beginning)] if beginning else []
    if beginning in known:
        return beginning
    if len(found) != 1:
        how_many = f"{len(found) or 'none'} of {len(known)} begin so" if known else "there is none"
        raise BadValue(
            f"{what}: expected the id of one, or how it begins, found {beginning[:60]!r}: {how_many}"
        )
    return found[0]


def scope_of(text: str) -> Scope:
    """`everything`, or a kind and a name such as `symbol:ALFA`."""
    if text == ScopeKind.EVERYTHING.value:
        return EVERYTHING
    kind, _, name = text.partition(":")
    narrower = [each.value for each in ScopeKind if each is not ScopeKind.EVERYTHING]
    if kind not in narrower or not name:
        kinds = ", ".join(f"{each}:NAME" for each in narrower)
        raise BadValue(f"--scope: expected everything or one of {kinds}, found {text!r}")
    return Scope(ScopeKind(kind), name)
