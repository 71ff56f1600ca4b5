import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.adapters import recorded_files
from agenttrader.adapters.recorded_files import TRADES_HEADER, read_recording, recorded_symbols
from agenttrader.model.times import MINUTE, from_rfc3339
from agenttrader.simulation.recording import RecordingRefused, Rule
from agenttrader.testing.recordings import pack, quote_rows, trade_rows, write_quotes, write_trades

DAY = "2014-06-06"
ROW = f"{DAY}T09:30:00,100,101,99,100.5,1000"


def test_rows_are_read_in_new_york_time_with_their_lines_and_digits(tmp_path: Path) -> None:
    write_trades(tmp_path, "XYZ", [ROW, "2014-12-01T09:30:00,100.0001,100.0001,100.0001,100.0001,0"])
    recording = read_recording(tmp_path, "XYZ")
    summer, winter = recording.trades
    assert (summer.line, summer.date, summer.start) == (2, DAY, from_rfc3339("2014-06-06T13:30:00Z"))
    assert (winter.line, winter.start) == (3, from_rfc3339("2014-12-01T14:30:00Z"))
    assert summer.said.interval == MINUTE
    assert [str(price) for price in (summer.said.open, summer.said.high, summer.said.low)] == [
        "100",
        "101",
        "99",
    ]
    assert winter.said.close == Decimal("100.0001")
    assert recording.dates == (DAY, "2014-12-01")
    assert (recording.file, recording.quotes_file, recording.quotes) == ("XYZ_trade.csv.gz", None, ())


def test_a_quote_is_of_the_end_of_its_minute_and_an_empty_side_is_nobodys(tmp_path: Path) -> None:
    write_trades(tmp_path, "XYZ", [ROW])
    write_quotes(tmp_path, "XYZ", [f"{DAY}T09:30:00,,,100.02,300"])
    [row] = read_recording(tmp_path, "XYZ").quotes
    assert row.said.time == row.start + MINUTE
    assert (row.said.bid_price, row.said.bid_size, row.said.ask_price, row.said.ask_size) == (
        *(Decimal(0), Decimal(0)),
        *(Decimal("100.02"), Decimal(300)),
    )


def test_files_are_found_in_the_folder_or_where_a_collection_keeps_them(tmp_path: Path) -> None:
    write_trades(tmp_path / "equities" / "minute", "BBB", [ROW])
    write_trades(tmp_path / "equities" / "minute", "AAA", [ROW])
    assert recorded_symbols(tmp_path) == ("AAA", "BBB")
    assert read_recording(tmp_path, "AAA").file == "equities/minute/AAA_trade.csv.gz"
    write_trades(tmp_path, "CCC", [ROW])
    assert recorded_symbols(tmp_path) == ("CCC",)


@pytest.mark.parametrize("symbol", ("QQQ", "", "../AAA", "aaa"))
def test_a_symbol_that_is_not_there_is_refused_and_those_that_are_are_named(
    tmp_path: Path, symbol: str
) -> None:
    write_trades(tmp_path, "AAA", [ROW])
    write_trades(tmp_path, "lower", [ROW])
    with pytest.raises(RecordingRefused, match="rule absent: expected one of AAA, found symbol"):
        read_recording(tmp_path, symbol)


def test_a_folder_without_files_is_refused_with_where_they_are_looked_for(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordingRefused, match=r"rule absent: .*equities/minute/SYMBOL_trade\.csv\.gz"):
            recorded_symbols(folder)


def test_files_that_are_not_ours_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingRefused, match="found an empty folder"):
        recorded_symbols(tmp_path)
    with pytest.raises(RecordingRefused, match="found no such folder"):
        recorded_symbols(tmp_path / "nowhere")
    for number in range(recorded_files.NAMES_SHOWN + 2):
        (tmp_path / f"SPY_{number}.csv").touch()
    with pytest.raises(RecordingRefused, match=r"found SPY_0\.csv, .* and 2 more: none is a file of trades"):
        recorded_symbols(tmp_path)


def test_files_whose_symbol_is_none_are_named(tmp_path: Path) -> None:
    write_trades(tmp_path, "spy", [ROW])
    with pytest.raises(
        RecordingRefused, match=r"one to six capital letters, found spy_trade\.csv\.gz; rename them"
    ):
        recorded_symbols(tmp_path)


def test_lines_as_windows_ends_them_are_refused_with_the_way_out(tmp_path: Path) -> None:
    pack(tmp_path / "XYZ_trade.csv.gz", (f"{TRADES_HEADER}\r", f"{ROW}\r"))
    with pytest.raises(RecordingRefused, match=r"rule text: .* carriage returns.* tr -d '\\r'"):
        read_recording(tmp_path, "XYZ")


def test_the_digest_is_of_both_files(tmp_path: Path) -> None:
    write_trades(tmp_path, "XYZ", [ROW])
    alone = read_recording(tmp_path, "XYZ").digest
    write_quotes(tmp_path, "XYZ", quote_rows(DAY, minutes=2))
    both = read_recording(tmp_path, "XYZ").digest
    write_quotes(tmp_path, "XYZ", quote_rows(DAY, minutes=3))
    assert len({alone, both, read_recording(tmp_path, "XYZ").digest}) == 3


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "XYZ_trade.csv.gz").mkdir()
    with pytest.raises(RecordingRefused, match="rule absent: expected a file that can be read"):
        read_recording(tmp_path, "XYZ")


def test_what_is_too_large_is_refused_before_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_trades(tmp_path, "XYZ", trade_rows(DAY))
    size = path.stat().st_size
    monkeypatch.setattr(recorded_files, "FILE_BYTES_MAX", size - 1)
    with pytest.raises(RecordingRefused, match=f"rule size: expected at most {size - 1} bytes"):
        read_recording(tmp_path, "XYZ")
    monkeypatch.setattr(recorded_files, "FILE_BYTES_MAX", size)
    monkeypatch.setattr(recorded_files, "TEXT_BYTES_MAX", 1_000)
    with pytest.raises(RecordingRefused, match="rule size: expected at most 1000 bytes of text"):
        read_recording(tmp_path, "XYZ")


def cut(packed: bytes) -> bytes:
    return packed[:-20]


def flip(packed: bytes) -> bytes:
    """One bit of the checksum."""
    return packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]


@pytest.mark.parametrize("spoil", (cut, flip, gzip.decompress, lambda _: b"", lambda packed: packed + b"x"))
def test_what_is_no_whole_gzip_file_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = write_trades(tmp_path, "XYZ", trade_rows(DAY))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(RecordingRefused) as refused:
        read_recording(tmp_path, "XYZ")
    assert refused.value.rule in (Rule.GZIP, Rule.TEXT)


@pytest.mark.parametrize(
    ("lines", "rule", "words"),
    (
        (
            [TRADES_HEADER.replace("close", "last"), ROW],
            Rule.HEADER,
            "expected the first line 'time_new_york",
        ),
        ([ROW], Rule.HEADER, "expected the first line"),
        (
            [TRADES_HEADER, ROW, ""],
            Rule.COLUMNS,
            "line 3: refused by rule columns: expected 6 fields, found 1",
        ),
        ([TRADES_HEADER, ROW + ",7"], Rule.COLUMNS, "expected 6 fields, found 7"),
        ([TRADES_HEADER, ROW.rpartition(",")[0]], Rule.COLUMNS, "expected 6 fields, found 5"),
        (
            [TRADES_HEADER, ROW.replace("09:30:00", "09:30:01")],
            Rule.TIME,
            "line 2: .* the beginning of a minute",
        ),
        ([TRADES_HEADER, ROW.replace("09:30", "25:30")], Rule.TIME, "found '2014-06-06T25:30:00'"),
        ([TRADES_HEADER, ROW.replace("2014-06-06", "2014-06-31")], Rule.TIME, "found '2014-06-31"),
        ([TRADES_HEADER, ROW.replace("2014-06-06", "0001-06-06")], Rule.TIME, "found '0001"),
        ([TRADES_HEADER, ROW.replace("T", " ")], Rule.TIME, "found '2014-06-06 09:30:00'"),
        ([TRADES_HEADER, ROW.replace("100.5", "1e2")], Rule.NUMBER, "found '1e2'"),
        ([TRADES_HEADER, ROW.replace("100.5", "nan")], Rule.NUMBER, "found 'nan'"),
        ([TRADES_HEADER, ROW.replace("100.5", "")], Rule.NUMBER, "found ''"),
        ([TRADES_HEADER, ROW.replace("100.5", " 100")], Rule.NUMBER, "found ' 100'"),
        ([TRADES_HEADER, ROW.replace("100.5", "1_00")], Rule.NUMBER, "found '1_00'"),
        ([TRADES_HEADER, ROW.replace("100.5", "100.5000001")], Rule.NUMBER, "6 after the point"),
        ([TRADES_HEADER, f"{DAY}T09:30:00,0,0,0,0,10"], Rule.PRICE, "found 0, 0, 0, 0, 10"),
        ([TRADES_HEADER, f"{DAY}T09:30:00,-1,1,-1,1,10"], Rule.PRICE, "prices above 0"),
        ([TRADES_HEADER, f"{DAY}T09:30:00,1,1000000.01,1,1,10"], Rule.PRICE, "at most 1000000"),
        ([TRADES_HEADER, f"{DAY}T09:30:00,1,1,1,1,-10"], Rule.PRICE, "a volume of 0 or more"),
        (
            [TRADES_HEADER, f"{DAY}T09:30:00,100,101,100.2,100.5,1"],
            Rule.RANGE,
            "open and close from low to high",
        ),
        ([TRADES_HEADER, f"{DAY}T09:30:00,100,101,99,101.5,1"], Rule.RANGE, "found 100, 101, 99, 101.5, 1"),
    ),
)
def test_one_bad_row_refuses_the_file_by_its_rule(
    tmp_path: Path, lines: list[str], rule: Rule, words: str
) -> None:
    pack(tmp_path / "XYZ_trade.csv.gz", lines)
    with pytest.raises(RecordingRefused, match=words) as refused:
        read_recording(tmp_path, "XYZ")
    assert refused.value.rule is rule
    assert str(refused.value).startswith("XYZ_trade.csv.gz")


@pytest.mark.parametrize(
    "text",
    (f"{TRADES_HEADER}\n{ROW}\n{ROW[:-2]}", f"{TRADES_HEADER}\n{ROW}ß\n", ""),
    ids=("no end of the last line", "not ascii", "nothing"),
)
def test_a_text_that_was_cut_or_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "XYZ_trade.csv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(RecordingRefused, match="rule text: expected lines of ASCII text that all end"):
        read_recording(tmp_path, "XYZ")


@pytest.mark.parametrize(
    ("row", "rule"),
    (
        ("100,1,101", Rule.COLUMNS),
        ("100,x,101,1", Rule.NUMBER),
        ("-1,1,101,1", Rule.PRICE),
        ("100,1,101,-1", Rule.PRICE),
        ("100,1,1000001,1", Rule.PRICE),
    ),
)
def test_a_bad_row_of_quotes_refuses_the_symbol(tmp_path: Path, row: str, rule: Rule) -> None:
    write_trades(tmp_path, "XYZ", [ROW])
    write_quotes(tmp_path, "XYZ", [f"{DAY}T09:30:00,{row}"])
    with pytest.raises(RecordingRefused, match=r"XYZ_quote\.csv\.gz, line 2") as refused:
        read_recording(tmp_path, "XYZ")
    assert refused.value.rule is rule
