import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from agenttrader.adapters.build import Build
from agenttrader.adapters.logs import STARS, configure_logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs("venue", "paper", Build("abc", "7"), stream)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def test_every_line_says_who_speaks_first_and_what_is_at_hand_after(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
        structlog.get_logger().info("order_accepted", order_id="o-1")
    line = json.loads(lines.getvalue())
    names = "time level service role git_sha build_id mode event correlation_id order_id"
    assert list(line) == names.split()
    assert line["time"].endswith("Z")
    assert (line["level"], line["service"], line["role"]) == ("info", "agenttrader", "venue")
    assert (line["git_sha"], line["build_id"], line["mode"]) == ("abc", "7", "paper")


def test_a_librarys_line_has_the_same_shape(lines: io.StringIO) -> None:
    try:
        int("seven")
    except ValueError:
        logging.getLogger("library").exception("it broke: %s", "badly")
    line = json.loads(lines.getvalue())
    assert (line["event"], line["role"], line["level"]) == ("it broke: badly", "venue", "error")
    assert "ValueError: invalid literal" in line["exception"]


def test_secrets_are_stars_however_deep_they_lie(lines: io.StringIO) -> None:
    structlog.get_logger().info("x", api_key="k1", request={"Authorization": "Bearer k2", "path": "/v1"})
    assert "k1" not in lines.getvalue()
    assert "k2" not in lines.getvalue()
    line = json.loads(lines.getvalue())
    assert line["api_key"] == STARS
    assert line["request"] == {"Authorization": STARS, "path": "/v1"}
