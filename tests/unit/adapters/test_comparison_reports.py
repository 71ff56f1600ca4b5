"""Reports of comparisons on disk: a line a run, a file a day."""

import json
from pathlib import Path

import pytest
from msgspec import Struct

from agenttrader.adapters.comparison_reports import append_report
from agenttrader.model.errors import StoreError


class Told(Struct):
    run: str


def test_each_run_is_a_line_of_its_day(tmp_path: Path) -> None:
    folder = tmp_path / "audit_artifacts" / "reconciliation"
    paths = {append_report(folder, "2026-11-20", Told(run)) for run in ("1", "2")}
    append_report(folder, "2026-11-23", Told("3"))
    assert paths == {folder / "2026-11-20.ndjson"}
    lines = (folder / "2026-11-20.ndjson").read_text().splitlines()
    assert [json.loads(line)["run"] for line in lines] == ["1", "2"]
    assert sorted(each.name for each in folder.iterdir()) == ["2026-11-20.ndjson", "2026-11-23.ndjson"]


def test_a_disk_that_does_not_take_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(StoreError, match="expected to add the report of a comparison"):
        append_report(tmp_path / "reports", "2026-11-20", Told("1"))
