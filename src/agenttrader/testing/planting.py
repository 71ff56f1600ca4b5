"""Bugs that are planted to see whether worlds find them: each spoils one thing of the product for a while.

The list is `testing.planted`, written by somebody who has not read what the worlds look at.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

from msgspec import structs

from agenttrader.gateway.checks.catalog import CHECKS_FOR, RULES_FOR
from agenttrader.model.decisions import Check

Spoil = Callable[[], AbstractContextManager[None]]


class Planted(NamedTuple):
    """A bug: its name, what is wrong then, and what makes it so for as long as it is entered."""

    name: str
    sentence: str
    spoil: Spoil


PLANTED: dict[str, Planted] = {}
"""Every bug by its name, in the order of the list."""


def planted(sentence: str) -> Callable[[Callable[[], Iterator[None]]], Spoil]:
    """Enter a bug in the list: the function spoils, yields once, and mends; its name is the bug's."""

    def enter(spoil: Callable[[], Iterator[None]]) -> Spoil:
        name = spoil.__name__
        assert name not in PLANTED, f"expected a bug's name once, found {name} twice"
        made = contextmanager(spoil)
        PLANTED[name] = Planted(name, sentence, made)
        return made

    return enter


@contextmanager
def spoiled(owner: object, name: str, instead: Any) -> Iterator[None]:
    """Have `owner`, a class or a module, hold something else by that name for a while.

    A function that other modules have imported by its name is spoiled in each of them.
    """
    kept = owner.__dict__[name]
    setattr(owner, name, instead)
    try:
        yield
    finally:
        setattr(owner, name, kept)


@contextmanager
def wrapped(owner: object, name: str, instead: Callable[..., Any]) -> Iterator[None]:
    """Have `instead` called in the place of a function, with that one before what it is given."""
    kept = owner.__dict__[name]

    def call(*given: Any, **more: Any) -> Any:
        return instead(kept, *given, **more)

    with spoiled(owner, name, call):
        yield


@contextmanager
def wrapped_check(code: str, instead: Callable[..., Check]) -> Iterator[None]:
    """Have `instead` called in the place of the check of that code, with that one and the case."""
    rules, checks = dict(RULES_FOR), dict(CHECKS_FOR)
    for kind, found in rules.items():
        RULES_FOR[kind] = tuple(
            structs.replace(rule, check=partial(instead, rule.check)) if rule.code == code else rule
            for rule in found
        )
        CHECKS_FOR[kind] = tuple(rule.check for rule in RULES_FOR[kind])
    try:
        yield
    finally:
        RULES_FOR.update(rules)
        CHECKS_FOR.update(checks)
