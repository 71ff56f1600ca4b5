from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.deciding.lines import LINE_BYTES_MAX, Line, Lines


def lines_of(*pieces: bytes) -> list[Line]:
    lines = Lines()
    return [*(line for piece in pieces for line in lines.feed(piece)), *lines.finish()]


@given(st.binary().map(lambda it: it.replace(b"{", b"\n")), st.lists(st.integers(0, 200)))
def test_where_the_stream_is_cut_does_not_matter(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert lines_of(*pieces) == [Line(line, is_whole=True) for line in stream.split(b"\n") if line.strip()]


def test_a_last_line_without_its_end_is_a_line() -> None:
    assert lines_of(b"one\n", b"tw", b"o") == [Line(b"one", is_whole=True), Line(b"two", is_whole=True)]
    assert lines_of(b"one\n\n  \n") == [Line(b"one", is_whole=True)]


def test_a_line_without_an_end_takes_no_more_memory_than_one_may() -> None:
    lines = Lines()
    for _ in range(100):
        assert list(lines.feed(b"x" * LINE_BYTES_MAX)) == []
    assert len(lines._held) == LINE_BYTES_MAX
    long, after = lines.feed(b"\nafter\n")
    assert (len(long.content), long.is_whole) == (LINE_BYTES_MAX, False)
    assert after == Line(b"after", is_whole=True)


def test_a_line_of_just_that_length_is_whole() -> None:
    assert lines_of(b"x" * LINE_BYTES_MAX + b"\n") == [Line(b"x" * LINE_BYTES_MAX, is_whole=True)]
