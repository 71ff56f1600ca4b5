"""What a face of the gateway can be asked, as an OpenAPI 3.1 document.

It is made of the structs that requests are read with and answers are written from, so that it says what is
so. A number may come as text or as a JSON number, and always leaves as text. The document needs no key: it
tells what these pages tell.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agenttrader.api.probes import Application, Receive, Scope, Send

OPENAPI = "3.1.0"
Schema = dict[str, Any]
_REFERENCE = "#/components/schemas/{name}"
_TEXT = {"type": "string", "format": "decimal"}
"""What msgspec makes of a Decimal."""
_NUMBER = {"type": ["string", "number"], "format": "decimal"}


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path."""

    method: str
    path: str
    summary: str
    answer: Any = None
    """Of what kind a good answer is; None where it has no body."""
    body: Any = None
    asked: type[Struct] | None = None
    """The parameters of the address."""
    status: int = 200


class Face(Struct, frozen=True, kw_only=True):
    """All that can be asked in one protocol."""

    title: str
    version: str
    description: str
    address: str
    """Where the document stands."""
    operations: tuple[Operation, ...]
    error: type[Struct]
    errors: Mapping[int, str]
    """Each status that refuses, and what it means; any operation may answer it."""
    security: Mapping[str, Schema]
    """What a request must carry, all of it."""
    words: Mapping[tuple[str, str], frozenset[str]]
    """Of a struct's field that is text: the words that it may be."""


def describe(face: Face) -> Schema:
    """The face's document."""
    kinds = {kind for of in face.operations for kind in (of.body, of.answer) if kind is not None}
    _, components = msgspec.json.schema_components([face.error, *kinds], ref_template=_REFERENCE)
    for (name, field), words in face.words.items():
        components[name]["properties"][field]["enum"] = sorted(words)
    paths: Schema = {}
    for operation in face.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, face)
    return {
        "openapi": OPENAPI,
        "info": {"title": face.title, "version": face.version, "description": face.description},
        "paths": paths,
        "security": [{name: [] for name in face.security}],
        "components": {
            "schemas": dict(sorted(_with_numbers(components).items())),
            "securitySchemes": dict(face.security),
        },
    }


def with_descriptions(app: Application, faces: Sequence[Face]) -> Application:
    """`app`, with the document of each face answered at its address."""
    documents = {face.address: msgspec.json.encode(describe(face)) for face in faces}

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        is_question = scope["type"] == "http" and scope["method"] == "GET"
        document = documents.get(scope["path"]) if is_question else None
        if document is None:
            await app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": document})

    return route


def _operation(operation: Operation, face: Face) -> Schema:
    good = {"description": operation.summary}
    responses = {str(operation.status): good | _content(operation.answer)}
    for status, meaning in face.errors.items():
        responses[str(status)] = {"description": meaning} | _content(face.error)
    parameters = [*_of_path(operation.path), *_of_query(operation.asked)]
    described: Schema = {"summary": operation.summary, "parameters": parameters, "responses": responses}
    if operation.body is not None:
        described["requestBody"] = {"required": True} | _content(operation.body)
    return described


def _content(kind: Any) -> Schema:
    if kind is None:
        return {}
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return {"content": {"application/json": {"schema": schema}}}


def _of_path(path: str) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", path):
        text = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": text}


def _of_query(asked: type[Struct] | None) -> Iterator[Schema]:
    if asked is None:
        return
    found = msgspec.json.schema(asked)["$defs"][asked.__name__]
    for name, schema in found["properties"].items():
        # What is not given is left out of an address: there is no null there.
        given = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}] or [schema]
        yield {
            "name": name,
            "in": "query",
            "required": name in found.get("required", ()),
            "schema": given[0],
        }


def _with_numbers(schema: Any) -> Any:
    """The schema, where a number may come as either."""
    if schema == _TEXT:
        return _NUMBER
    if isinstance(schema, dict):
        return {name: _with_numbers(each) for name, each in schema.items()}
    return [_with_numbers(each) for each in schema] if isinstance(schema, list) else schema
