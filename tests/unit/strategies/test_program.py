import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrader.indicators.compiled import Compiled
from agenttrader.indicators.declaration import KERNELS, Vector
from agenttrader.model.errors import BadValue
from agenttrader.strategies import program as module
from agenttrader.strategies.contract import Strategy
from agenttrader.strategies.expressions import (
    CONSTANT,
    INPUT,
    INPUTS,
    Expression,
    adx,
    atr,
    close,
    cross_above,
    cross_below,
    ema,
    high,
    low,
    macd,
    minutes_to_close,
    open_,
    rsi,
    sma,
    volume,
)
from agenttrader.strategies.hosted import read_parameters
from agenttrader.strategies.momentum import Momentum
from agenttrader.strategies.program import Checkpoint, Machine, Node, Program

Row = tuple[float, ...]


def expressions() -> st.SearchStrategy[Expression]:
    """Any expression that the contract's words can make."""
    leaf = st.sampled_from((open_, high, low, close, volume, minutes_to_close, adx(3), atr(2)))
    period = st.integers(1, 6)

    def larger(part: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        number = st.floats(-200, 200, allow_nan=False)
        return st.one_of(
            st.builds(sma, part, period),
            st.builds(ema, part, period),
            st.builds(rsi, part, period),
            st.builds(cross_above, part, part),
            st.builds(cross_below, part, part),
            st.builds(lambda a, b: a + b, part, part),
            st.builds(lambda a, b: a - b, number, part),
            st.builds(lambda a, b: a * b, part, part),
            st.builds(lambda a, b: a / b, part, part),
            st.builds(lambda a, b: a > b, part, number),
            st.builds(lambda a, b: (a >= b) & ~(a < b), part, part),
            st.builds(lambda a, b: (a <= b) | (b > a), part, part),
        )

    return st.recursive(leaf, larger, max_leaves=8)


def rows() -> st.SearchStrategy[list[Row | None]]:
    """Bars, with gaps (None), numbers that are none, and prices that stand still."""
    price = st.sampled_from((99.0, 100.0, 101.0, 100.0, 1e300, math.inf, math.nan, 0.0)) | st.floats(1, 200)
    bar = st.tuples(*[price] * len(INPUTS))
    return st.lists(st.none() | bar, min_size=1, max_size=40)


def by_steps(machine: Machine, bars: list[Row | None]) -> list[list[float]]:
    out = []
    for bar in bars:
        if bar is not None:
            machine.step(bar)
            out.append([machine.value(slot) for slot in range(machine.program.width)])
    return out


def in_bulk(machine: Machine, bars: list[Row | None]) -> list[list[float]]:
    """All bars at once; a gap is a bar without numbers, which is left out again afterwards."""
    columns = np.array([[math.nan] * len(INPUTS) if bar is None else bar for bar in bars], dtype=np.float64)
    values = machine.run(np.ascontiguousarray(columns.reshape(-1, len(INPUTS)).T)).T
    return [row.tolist() for row, bar in zip(values, bars, strict=True) if bar is not None]


def by_reference(program: Program, bars: list[Row | None]) -> list[list[float]]:
    """The program without machine code: each node's kernel called as plain Python, in the documented way."""
    states: dict[int, Vector] = {}
    out = []
    for bar in bars:
        if bar is None:
            continue
        values: list[float] = []
        for slot, node in enumerate(program.nodes):
            values.append(_node_value(node, bar, values, states, slot))
        out.append(values)
    return out


def _node_value(node: Node, bar: Row, values: list[float], states: dict[int, Vector], slot: int) -> float:
    if node.operation in (INPUT, CONSTANT):
        return bar[slot] if node.operation == INPUT else node.parameters[0]
    kernel = KERNELS[node.operation]
    operands = [np.float64(values[place]) for place in node.operands]
    if not all(np.isfinite(operands)):
        return math.nan
    state = states.setdefault(slot, np.zeros(kernel.state_size(*kernel.check(node.parameters))))
    with np.errstate(all="ignore"):
        value = float(kernel.step(state, np.array(node.parameters, dtype=np.float64), *operands))
    return value if math.isfinite(value) else math.nan


def same(found: list[list[float]], expected: list[list[float]]) -> None:
    np.testing.assert_array_equal(np.array(found), np.array(expected))


@settings(max_examples=150, deadline=None)
@given(roots=st.lists(expressions(), min_size=1, max_size=3), bars=rows(), data=st.data())
def test_bulk_is_step_is_reference_bit_for_bit_over_gaps_and_restarts(
    roots: list[Expression], bars: list[Row | None], data: Any, compiled: Compiled
) -> None:
    program = Program(roots, {})
    expected = by_reference(program, bars)
    same(by_steps(Machine(program, compiled), bars), expected)
    same(in_bulk(Machine(program, compiled), bars), expected)

    cut = data.draw(st.integers(0, len(bars)))
    first, second = Machine(program, compiled), Machine(program, compiled)
    begun = in_bulk(first, bars[:cut])
    second.restore(first.checkpoint())
    same(begun + by_steps(second, bars[cut:]), expected)

    first, second = Machine(program, compiled), Machine(program, compiled)
    begun = by_steps(first, bars[:cut])
    second.restore(first.checkpoint())
    same(begun + in_bulk(second, bars[cut:]), expected)


def momentum_program() -> Program:
    conditions = [it.wake.condition for it in Momentum.declared_handlers if it.wake.condition is not None]
    return Program((*Momentum.declared_expressions.values(), *conditions), read_parameters(Momentum, {}))


def test_a_strategy_that_ships_computes_in_bulk_what_it_computes_live(compiled: Compiled) -> None:
    chance = np.random.default_rng(5)
    closes = 100 * np.exp(np.cumsum(chance.normal(0, 0.001, 390)))
    spread = np.abs(chance.normal(0, 0.05, 390))
    columns = (
        closes,
        closes + spread,
        closes - spread,
        closes,
        chance.integers(100, 9000, 390),
        np.arange(390, 0, -1),
    )
    bars: list[Row | None] = [tuple(float(it) for it in row) for row in zip(*columns, strict=True)]
    bars[100:110] = [None] * 10
    program = momentum_program()
    live = by_steps(Machine(program, compiled), bars)
    same(in_bulk(Machine(program, compiled), bars), live)
    entry = program.slot(Momentum.declared_handlers[0].wake.condition)
    assert {row[entry] for row in live if not math.isnan(row[entry])} == {0.0, 1.0}


def test_equal_expressions_are_computed_once() -> None:
    line, signal = macd(12, 26, 9)
    again, _ = macd(12, 26, 9)
    program = Program([line, signal, again, ema(close, 12)], {})
    assert program.slot(line) == program.slot(again)
    assert [node.operation for node in program.nodes[len(INPUTS) :]] == ["ema", "ema", "subtract", "ema"]


def test_the_digest_names_nodes_numbers_and_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(*roots: Expression) -> str:
        return Program(roots, {}).digest

    digests = {digest(sma(close, 5)), digest(sma(close, 6)), digest(sma(open_, 5)), digest(ema(close, 5))}
    assert len(digests) == 4
    assert digest(sma(close, 5)) in digests
    monkeypatch.setattr(module, "source_digest", lambda: "other kernels")
    assert digest(sma(close, 5)) not in digests


def test_a_checkpoint_of_another_program_is_refused(compiled: Compiled) -> None:
    one, other = (
        Machine(Program([sma(close, 5)], {}), compiled),
        Machine(Program([sma(close, 6)], {}), compiled),
    )
    with pytest.raises(BadValue, match="checkpoint: expected one of program"):
        one.restore(other.checkpoint())


def test_a_checkpoint_that_was_cut_is_refused(compiled: Compiled) -> None:
    machine = Machine(Program([sma(close, 5)], {}), compiled)
    whole = machine.checkpoint()
    with pytest.raises(BadValue, match="replay from the session's open"):
        machine.restore(Checkpoint(program=whole.program, memory=whole.memory[:-8]))


def test_after_a_bulk_run_the_values_are_those_of_its_last_bar(compiled: Compiled) -> None:
    root = close - open_
    program = Program([root], {})
    machine = Machine(program, compiled)
    machine.run(np.array([[1.0, 2.0], [9.0, 9.0], [0.5, 0.5], [4.0, 7.0], [1.0, 1.0], [2.0, 1.0]]))
    assert machine.value(program.slot(root)) == 5.0
    machine.run(np.empty((6, 0)))
    assert machine.value(program.slot(root)) == 5.0


def test_a_checkpoint_remembers_values_too(compiled: Compiled) -> None:
    root = close - open_
    program = Program([root], {})
    machine, restored = Machine(program, compiled), Machine(program, compiled)
    machine.step((1.0, 4.0, 1.0, 3.0, 9.0, 5.0))
    restored.restore(machine.checkpoint())
    assert restored.value(program.slot(root)) == 2.0


def test_two_machines_of_one_program_share_nothing(compiled: Compiled) -> None:
    root = sma(close, 2)
    program = Program([root], {})
    one, other = Machine(program, compiled), Machine(program, compiled)
    one.step((1.0,) * 6)
    other.step((5.0,) * 6)
    one.step((2.0,) * 6)
    assert one.value(program.slot(root)) == 1.5
    assert math.isnan(other.value(program.slot(root)))


def test_a_program_of_nothing_but_inputs_runs(compiled: Compiled) -> None:
    class Bare(Strategy):
        """Declares nothing."""

    machine = Machine(Program(Bare.declared_expressions.values(), {}), compiled)
    machine.step((1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    assert machine.value(3) == 4.0
