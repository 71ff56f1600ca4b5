import msgspec
import pytest

from agenttrader.indicators.compiled import Compiled
from agenttrader.indicators.declaration import KERNELS
from agenttrader.indicators.known_answers import KNOWN, check
from agenttrader.model.errors import ConfigurationError


def test_every_kernel_has_an_answer_that_a_number_ends() -> None:
    assert KNOWN.keys() == KERNELS.keys()
    for name, case in KNOWN.items():
        numbers = [answer for answer in case.answers if answer == answer]  # noqa: PLR0124  not NaN
        assert len(numbers) >= 2, name
        assert len(set(numbers)) >= 2, name


def test_the_compiled_kernels_answer_right(compiled: Compiled) -> None:
    check(compiled)


@pytest.mark.parametrize("name", sorted(KERNELS.keys() - {"atr", "negation"}))
def test_a_kernel_that_answers_as_another_would_is_named(name: str, compiled: Compiled) -> None:
    """The other has no state: one that needs more than it was given would write where it must not."""
    other = {1: "negation", 2: "add" if name != "add" else "subtract"}[KERNELS[name].inputs]
    addresses = {**compiled.addresses, name: compiled.addresses[other]}
    with pytest.raises(ConfigurationError, match=f"kernel {name}: expected"):
        check(msgspec.structs.replace(compiled, addresses=addresses))


@pytest.mark.parametrize("name", ("atr", "negation"))
def test_an_answer_that_is_not_the_known_one_is_refused(
    name: str, compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = KNOWN[name]
    other = tuple(answer + 1 for answer in case.answers)
    monkeypatch.setitem(KNOWN, name, msgspec.structs.replace(case, answers=other))
    with pytest.raises(ConfigurationError, match=f"kernel {name}: expected"):
        check(compiled)


def test_the_loops_are_asked_each_by_itself(compiled: Compiled) -> None:
    def nothing(*_: object) -> None:
        pass

    with pytest.raises(ConfigurationError, match="kernel sma"):
        check(msgspec.structs.replace(compiled, step=nothing))
    with pytest.raises(ConfigurationError, match="kernel atr"):
        check(msgspec.structs.replace(compiled, in_bulk={**compiled.in_bulk, 3: nothing}))
