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


@pytest.mark.parametrize("name", sorted(KERNELS.keys() - {"atr"}))
def test_a_kernel_that_answers_as_another_would_is_named(name: str, compiled: Compiled) -> None:
    other = next(it for it in KERNELS.values() if it.inputs == KERNELS[name].inputs and it.name != name)
    addresses = {**compiled.addresses, name: compiled.addresses[other.name]}
    with pytest.raises(ConfigurationError, match=f"kernel {name}: expected"):
        check(msgspec.structs.replace(compiled, addresses=addresses))


def test_the_loops_are_asked_each_by_itself(compiled: Compiled) -> None:
    def nothing(*_: object) -> None:
        pass

    with pytest.raises(ConfigurationError, match="kernel sma"):
        check(msgspec.structs.replace(compiled, step=nothing))
    with pytest.raises(ConfigurationError, match="kernel atr"):
        check(msgspec.structs.replace(compiled, in_bulk={**compiled.in_bulk, 3: nothing}))
