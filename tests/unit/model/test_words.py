"""Words are enumerations like any other, but quick to look up."""

from agenttrader.model.words import Word


class Color(Word):
    RED = "red"
    BLUE = "blue"


def test_a_word_is_an_enumeration() -> None:
    assert Color("red") is Color.RED
    assert Color["BLUE"] is Color.BLUE
    assert list(Color) == [Color.RED, Color.BLUE]
    assert (Color.RED.name, Color.RED.value) == ("RED", "red")


def test_a_word_hashes_by_identity_and_is_found_in_its_class_itself() -> None:
    assert hash(Color.RED) == object.__hash__(Color.RED)
    assert vars(Color)["RED"] is Color.RED
