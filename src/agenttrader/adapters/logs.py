"""Logs as JSON lines: who speaks stands on every line, what is secret on none.

Each line holds time (UTC, RFC 3339), level, service, role, git_sha, build_id, mode and event; then the
correlation id and the identifiers at hand. What libraries log through the standard module comes out in the
same shape.
"""

import logging
from collections.abc import MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from agenttrader.adapters.build import Build

SERVICE = "agenttrader"
SECRET_WORDS = (
    "secret",
    "password",
    "passphrase",
    "token",
    "authorization",
    "credential",
    "private",
    "api_key",
)
STARS = "*****"
FIRST = ("time", "level", "service", "role", "git_sha", "build_id", "mode", "event", "correlation_id")

_Line = MutableMapping[str, Any]


def configure_logs(role: str, mode: str, build: Build, stream: TextIO) -> None:
    """Send every log of this process to `stream`, as JSON lines that name role, mode and build."""
    identity = {
        "service": SERVICE,
        "role": role,
        "git_sha": build.git_sha,
        "build_id": build.build_id,
        "mode": mode,
    }

    def say_who(_logger: object, _method: str, line: _Line) -> _Line:
        return {**line, **identity}

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        say_who,
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


def hide_secrets(_logger: object, _method: str, line: _Line) -> _Line:
    """Every value whose name says that it is a secret becomes stars, however deep it lies."""
    return {name: _hidden(name, value) for name, value in line.items()}


def _hidden(name: str, value: object) -> object:
    if any(word in name.lower() for word in SECRET_WORDS):
        return STARS
    return (
        {str(key): _hidden(str(key), part) for key, part in value.items()}
        if isinstance(value, dict)
        else value
    )


def render(_logger: object, _method: str, line: _Line) -> str:
    """The line as JSON, what every line has first. What JSON has no word for stands as its text."""
    first = {name: line.pop(name) for name in FIRST if name in line}
    return msgspec.json.encode({**first, **line}, enc_hook=str).decode()
