"""TOML tables into structs, strictly: every key known, every value present and of its kind, each fault named.

Numbers with a point are written in quotes and read as Decimal: TOML's own floats are binary, and lose money.
The text of every error holds the file, the table and the key, what was expected and what was found.
"""

import difflib
import tomllib
from decimal import Decimal
from enum import Enum, EnumType
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from agenttrader.model.errors import BadValue, ConfigurationError
from agenttrader.model.values import exact

T = TypeVar("T")


class Float(NamedTuple):
    """A number that stood in the file as a TOML float, with the digits that stood there."""

    digits: str


class Place(NamedTuple):
    """Where in a file something stands."""

    file: Path
    keys: tuple[str, ...] = ()

    def at(self, key: str) -> "Place":
        """The place of `key` in the table that stands here."""
        return Place(self.file, (*self.keys, key))

    def refuse(self, fault: str) -> ConfigurationError:
        """The error that what stands here is refused."""
        *table, key = self.keys or ("",)
        name = f"[{'.'.join(table)}] {key}" if table else key
        return ConfigurationError(f"{self.file}: {name}: {fault}" if name else f"{self.file}: {fault}")


def folder_of(file: Path) -> Path:
    """Beside what a configuration's relative paths are: the file itself, where a link leads to it."""
    return file.resolve().parent


def parse(file: Path) -> dict[str, Any]:
    """The file's tables, with floats as `Float`. Raises ConfigurationError where it is no TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Float)
    except OSError as error:
        raise ConfigurationError(
            f"{file}: expected a file in TOML, found none: {error.strerror}; name one, as a run's run.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: expected TOML in UTF-8: {error}") from error


def build(kind: type[T], value: object, place: Place) -> T:
    """`value` as a `kind`: a struct, a dict or tuple of them, or a plain value. Raises ConfigurationError."""
    return cast("T", _build(kind, value, place))


def _build(kind: Any, value: object, place: Place) -> object:
    if isinstance(value, Float):
        hint = f'; write it in quotes: "{value.digits}"' if {Decimal, str} & {kind, *get_args(kind)} else ""
        raise place.refuse(f"expected {_name(kind)}, found {value.digits} as a float{hint}")
    if get_origin(kind) is UnionType and len(choices := set(get_args(kind)) - {NoneType}) == 1:
        # A table that may be left out; TOML has no word for nothing, so what is there must be one.
        (only,) = choices
        kind = only if _is_table(only) else kind
    if _is_table(kind):
        return _struct(kind, value, place)
    if get_origin(kind) is UnionType and all(_is_table(choice) for choice in get_args(kind)):
        return _tagged(get_args(kind), value, place)
    if get_origin(kind) is dict:
        _, entry = get_args(kind)
        return {key: _build(entry, item, place.at(key)) for key, item in _table(value, place).items()}
    if get_origin(kind) is tuple and _is_table_or_choice(get_args(kind)[0]):
        return tuple(
            _build(get_args(kind)[0], item, place.at(str(row)))
            for row, item in enumerate(_list(value, place))
        )
    return _plain(kind, value, place)


def _struct(kind: type[Struct], value: object, place: Place) -> object:
    table = _table(value, place)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    tag = kind.__struct_config__.tag_field
    for key in table:
        if key not in fields and key != tag:
            near = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
            hint = f"; the nearest known key is {near[0]}" if near else ""
            raise place.at(key).refuse(
                f"this key is not known{hint}. Known here: {', '.join(sorted(fields))}"
            )
    for key, field in fields.items():
        if key not in table and field.required:
            raise place.at(key).refuse(
                f"this key is missing: expected {_name(field.type)}. Nothing here has a default"
            )
    values = {
        fields[key].name: _build(fields[key].type, item, place.at(key))
        for key, item in table.items()
        if key != tag
    }
    try:
        return kind(**values)
    except BadValue as error:
        key, _, fault = str(error).partition(": ")
        raise (place.at(key).refuse(fault) if key in fields else place.refuse(str(error))) from error


def _tagged(kinds: tuple[type[Struct], ...], value: object, place: Place) -> object:
    by_tag = {kind.__struct_config__.tag: kind for kind in kinds}
    tag_field = str(kinds[0].__struct_config__.tag_field)
    tag = _table(value, place).get(tag_field)
    if tag not in by_tag:
        raise place.at(tag_field).refuse(f"expected one of {', '.join(map(str, by_tag))}, found {tag!r}")
    return _struct(by_tag[tag], value, place)


def _plain(kind: Any, value: object, place: Place) -> object:
    try:
        if kind is Decimal:
            return exact(value, place.keys[-1])
        return msgspec.convert(value, kind)
    except BadValue as error:
        raise place.refuse(str(error).partition(": ")[2]) from error
    except msgspec.ValidationError as error:
        raise place.refuse(f"expected {_name(kind)}, found {value!r}") from error


def _table(value: object, place: Place) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise place.refuse(f"expected a table, found {value!r}")
    return value


def _list(value: object, place: Place) -> list[Any]:
    if not isinstance(value, list):
        raise place.refuse(f"expected a list of tables, found {value!r}")
    return value


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct) and not kind.__struct_config__.array_like


def _is_table_or_choice(kind: Any) -> bool:
    """Whether it is a table, or one of several that a word in it tells apart."""
    return _is_table(kind) or (get_origin(kind) is UnionType and all(map(_is_table, get_args(kind))))


_NAMES = {Decimal: "a number in quotes", str: "a text", int: "a whole number", bool: "true or false"}


def _name(kind: Any) -> str:
    """What a value of `kind` is called towards a person."""
    choices = [choice for choice in get_args(kind) if choice is not NoneType]
    if get_origin(kind) in (UnionType, Union):  # a Literal in it makes the older of the two
        return "a table" if all(map(_is_table, choices)) else " or ".join(map(_name, choices))
    if get_origin(kind) is tuple:
        return f"a list, each {_name(choices[0])}"
    if get_origin(kind) is dict or _is_table(kind):
        return "a table"
    if choices:
        return f"one of {', '.join(map(str, choices))}" if choices[1:] else str(choices[0])
    if isinstance(kind, EnumType):
        return f"one of {', '.join(str(member.value) for member in cast('type[Enum]', kind))}"
    return _NAMES.get(getattr(kind, "__supertype__", kind), str(kind))
