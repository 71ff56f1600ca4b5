"""A strategy's expressions as a table of rows over one flat memory, and the machine that runs it bar by bar.

Memory is one vector of floats: first the value of every node (the six inputs, then each different expression
once), then the kernels' states. It is all there is to remember, so its bytes with the program's digest are a
checkpoint.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from agenttrader.indicators.compiled import ROW_LENGTH, Compiled, Rows, source_digest
from agenttrader.indicators.declaration import INPUTS_MAX, KERNELS, Vector
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest, digest_of
from agenttrader.strategies.expressions import CONSTANT, INPUT, INPUTS, Expression, Number


class Node(NamedTuple):
    """One different expression: what it does, on the values in which slots, with what numbers."""

    operation: str
    operands: tuple[int, ...]
    parameters: tuple[float, ...]


class Checkpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a machine remembers. It fits only the program of this digest."""

    program: Digest
    memory: bytes


class Program:
    """The nodes of some expressions in an order in which each comes after what it needs.

    Equal digests mean the same nodes, numbers and kernels, and so the same memory. Raises BadValue for a
    period that no kernel takes, TypeError for one that depends on bars.
    """

    def __init__(self, roots: Iterable[Expression], values: Mapping[str, Number]) -> None:
        self.nodes = [Node(INPUT, (), (float(place),)) for place in range(len(INPUTS))]
        self.warm_ups = [1] * len(INPUTS)
        self._slots: dict[int, int] = {}
        self._known = {node: slot for slot, node in enumerate(self.nodes)}
        self._kept = tuple(roots)
        for root in self._kept:
            self._visit(root, values)
        self.width = len(self.nodes)
        self.state_size = sum(_state_size(node) for node in self.nodes)
        self.digest = digest_of(msgspec.json.encode((source_digest(), self.nodes)))

    def slot(self, expression: Expression) -> int:
        """Where the expression's value stands. Raises KeyError for one that is not of this program."""
        return self._slots[id(expression)]

    def warm_up(self, expression: Expression) -> int:
        """How many bars until the expression has its first number, that bar included."""
        return self.warm_ups[self.slot(expression)]

    def rows(self, addresses: Mapping[str, int]) -> tuple[Rows, Vector]:
        """The table for the compiled loops, with this process's addresses, and all parameters."""
        rows: list[tuple[int, ...]] = []
        parameters: list[float] = []
        state = 0
        for slot, node in enumerate(self.nodes):
            if node.operation in (INPUT, CONSTANT):
                continue
            slots = (*node.operands, 0, 0)[:INPUTS_MAX]
            state_to, parameters_to = state + _state_size(node), len(parameters) + len(node.parameters)
            place = (state, state_to, len(parameters), parameters_to, slot)
            rows.append((len(node.operands), addresses[node.operation], *slots, *place))
            state = state_to
            parameters += node.parameters
        return np.array(rows, dtype=np.int64).reshape(-1, ROW_LENGTH), np.array(parameters, dtype=np.float64)

    def _visit(self, expression: Expression, values: Mapping[str, Number]) -> int:
        slot = self._slots.get(id(expression))
        if slot is not None:
            return slot
        operands = tuple(self._visit(operand, values) for operand in expression.operands)
        node = Node(expression.operation, operands, expression.numbers(values))
        slot = self._known.get(node)
        if slot is None:
            slot = self._known[node] = len(self.nodes)
            self.warm_ups.append(self._warm_up(node))
            self.nodes.append(node)
        self._slots[id(expression)] = slot
        return slot

    def _warm_up(self, node: Node) -> int:
        if node.operation == CONSTANT:
            return 0
        kernel = KERNELS[node.operation]
        own = kernel.warm_up(*kernel.check(node.parameters))
        return max(self.warm_ups[slot] for slot in node.operands) + own - 1


class Machine:
    """A program at work: its memory, and the step that takes it over one bar."""

    def __init__(self, program: Program, compiled: Compiled) -> None:
        self.program = program
        self._rows, self._parameters = program.rows(compiled.addresses)
        self._compiled = compiled
        self._memory = np.zeros(program.width + program.state_size)
        self._values, self._state = self._memory[: program.width], self._memory[program.width :]
        self._values[:] = np.nan
        for slot, node in enumerate(program.nodes):
            if node.operation == CONSTANT:
                self._values[slot] = node.parameters[0]
        self._view: Any = self._memory.data

    def step(self, inputs: tuple[float, ...]) -> None:
        """Take the next bar: one number for each of INPUTS. Kernels pass over what is not finite."""
        view = self._view
        for slot, number in enumerate(inputs):
            view[slot] = number
        self._compiled.step(self._rows, self._values, self._state, self._parameters)

    def value(self, slot: int) -> float:
        """The value in `slot` at the last bar."""
        number: float = self._view[slot]
        return number

    def run(self, columns: Vector) -> Vector:
        """Take many bars, a row of `columns` for each of INPUTS; the value of every slot at every bar.

        The same bits as `step` bar by bar, and the machine then stands where those steps would have left it.
        """
        values = np.empty((self.program.width, columns.shape[1]))
        values[:] = self._values[:, None]
        values[: len(INPUTS)] = columns
        for inputs, address, a, b, c, state_from, state_to, first, last, slot in self._rows.tolist():
            state, parameters = self._state[state_from:state_to], self._parameters[first:last]
            operands = [values[place] for place in (a, b, c)[:inputs]]
            self._compiled.in_bulk[inputs](address, state, parameters, *operands, values[slot])
        if columns.shape[1]:
            self._values[:] = values[:, -1]
        return values

    def checkpoint(self) -> Checkpoint:
        """All that this machine remembers."""
        return Checkpoint(program=self.program.digest, memory=self._memory.tobytes())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Stand where the machine that made `checkpoint` stood. Raises BadValue for another program's."""
        if checkpoint.program != self.program.digest or len(checkpoint.memory) != self._memory.nbytes:
            raise BadValue(
                f"checkpoint: expected one of program {self.program.digest}, found one of "
                f"{checkpoint.program}; replay from the session's open instead"
            )
        self._memory[:] = np.frombuffer(checkpoint.memory)


def _state_size(node: Node) -> int:
    if node.operation in (INPUT, CONSTANT):
        return 0
    kernel = KERNELS[node.operation]
    return kernel.state_size(*kernel.check(node.parameters))
