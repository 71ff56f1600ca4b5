import pytest

from agenttrader.model.plain_text import plain


@pytest.mark.parametrize(("text", "made"), (("stop Ω", "stop Ω"), ("a\udcffb", "a\\udcffb"), ("", "")))
def test_what_utf_8_cannot_hold_is_escaped_and_nothing_else(text: str, made: str) -> None:
    assert plain(text) == made
