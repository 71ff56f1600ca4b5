"""The page about faults and the program say the same."""

import re
from pathlib import Path
from typing import Any, cast, get_args

from agenttrader.api import venue_control
from agenttrader.app.fault_kinds import Fault
from agenttrader.app.venue.book_faults import BookFaults
from agenttrader.app.venue.faults import Faults

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
COMMON = {"only", "per_mille", "times"}


def test_every_fault_is_on_the_page_with_what_it_needs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*?) ?\|$", PAGE, re.MULTILINE)
    described = {fault: set(re.findall(r"`(\w+)`", besides)) for fault, besides in rows}
    assert described == {
        str(kind.__struct_config__.tag): set(kind.__struct_fields__) - COMMON for kind in get_args(Fault)
    }


def test_every_route_of_the_control_port_is_on_the_page() -> None:
    faults, books = cast("Faults", None), cast("BookFaults", None)
    handlers = [
        *venue_control._planning(faults, ""),
        *venue_control._happening(faults, ""),
        *venue_control._striking(books, ""),
    ]
    real = {
        f"{method} {path.replace(':int', '')}"
        for handler in cast("list[Any]", handlers)
        for path in handler.paths
        for method in handler.http_methods
    }
    named = re.findall(r"`((?:GET|POST|DELETE) /v1/[^`?]*)[^`]*`", PAGE)
    assert set(named) == {name for name in real if not name.startswith("HEAD ")}
