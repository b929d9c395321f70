from __future__ import annotations

import time
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from cellblock.engine.schemas.check import MAX_STEPS, Schema


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "number"}, "3", "answer: must be a number, is a str"),
        ({"type": "integer"}, True, "answer: must be an int, is a bool"),
        ({"type": "integer"}, 1.5, "answer: must be an int, is a float"),
        ({"type": ["string", "null"]}, 3, "answer: must be a str or None, is an int"),
        ({"type": "number"}, float("nan"), "answer: must be a number, is not finite"),
        ({"minimum": 3}, 2, "answer: must be at least 3"),
        ({"exclusiveMaximum": 3}, 3, "answer: must be less than 3"),
        ({"multipleOf": 3}, 4, "answer: must be a multiple of 3"),
        ({"minLength": 2}, "a", "answer: must have at least 2 characters, has 1"),
        ({"maxItems": 1}, [1, 2], "answer: must have at most 1 items, has 2"),
        ({"uniqueItems": True}, [1, 1.0], "answer: must hold no item twice"),
        ({"enum": ["a", 1]}, True, "answer: must be one of 'a', 1"),
        ({"const": {"a": [1]}}, {"a": [2]}, "answer: must be a dict of 1"),
        ({"required": ["a"]}, {"b": 1}, "answer: 'a' is missing"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, "answer: 'b' is not allowed; known: 'a'"),
        ({"additionalProperties": {"type": "string"}}, {"a b": 1}, "answer['a b']: must be a str, is an int"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "answer: the key 'ab' must have at most 1 characters, has 2"),
        ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["a", "b"], "answer[1]: must be an int, is a str"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "answer: fits none of 2 alternatives: must be a str, is an int"),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, "answer: fits 2 of 2 alternatives, and may fit only one"),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 3, "answer: must be at most 2"),
        (False, 3, "answer: nothing is allowed here"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(schema: Any, value: Any, problem: str) -> None:
    assert Schema.from_value(schema).check(value) == problem


def test_the_line_names_the_place() -> None:
    amount = {"type": "object", "properties": {"amount": {"type": "number"}}}
    schema = Schema.from_value({"properties": {"items": {"type": "array", "items": amount}}})
    assert schema.check({"items": [{"amount": 1}, {"amount": "x"}]}) == "answer.items[1].amount: must be a number, is a str"
    assert schema.check({"items": [{"amount": 1}]}) is None


def test_of_several_alternatives_the_one_that_was_meant_is_told() -> None:
    record = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert Schema.from_value({"anyOf": [record, {"type": "null"}]}).check({"n": "x"}) == "answer.n: must be an int, is a str"


@pytest.mark.parametrize(
    ("short", "fits", "does_not"),
    [
        ("int", 1, "1"),
        ("float", 1, None),
        ("list[str]", ["a"], [1]),
        ("str | None", None, 1),
        ("Optional[list[int]]", None, ["a"]),
        ("dict[str, list[int]]", {"a": [1]}, {"a": ["1"]}),
        (["bool"], [True], [1]),
        ({"name": "str", "amount": "float"}, {"name": "a", "amount": 1}, {"name": "a"}),
        ({"title": "str", "items": "list[int]"}, {"title": "a", "items": [1]}, {"title": "a", "items": 1}),
        ({"who": {"name": "str"}, "tags": ["str"]}, {"who": {"name": "a"}, "tags": []}, {"who": {}, "tags": []}),
        ({"type": "dict", "properties": {"n": "int"}}, {"n": 1}, {"n": "1"}),
    ],
)
def test_the_short_form_means_the_schema(short: Any, fits: Any, does_not: Any) -> None:
    schema = Schema.from_value(short)
    assert schema.check(fits) is None
    assert schema.check(does_not) is not None


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        (3, "schema: a JSON Schema is a dict, or a type such as 'str' or 'list[int]', not an int"),
        ("strng", "schema: a JSON Schema is a dict, or a type such as 'str' or 'list[int]', not 'strng'"),
        ({"type": "strng"}, "schema.type: one of string, integer, number"),
        ({"type": "object", "requred": ["a"]}, "schema: 'requred' is no keyword of JSON Schema"),
        ({"name": "strr"}, "schema.name: 'strr' is no type; use str, int, float"),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, "schema.properties.a.pattern: 'pattern' is not supported; leave it out"),
        ({"not": {}}, "schema.not: 'not' is not supported"),
        ({"if": {}}, "schema.if: 'if' is not supported"),
        ({"patternProperties": {}}, "schema.patternProperties: 'patternProperties' is not supported"),
        ({"$ref": "https://example.com/schema"}, "schema.$ref: only references to '#/$defs/...' of the schema itself"),
        ({"$ref": "#/$defs/a"}, "schema: there is no '#/$defs/a' in it"),
        ({"items": [{"type": "string"}]}, "schema.items: one schema for all items is needed; a list of them is 'prefixItems'"),
        ({"minLength": -1}, "schema.minLength: a whole number from 0 on is needed"),
        ({"minimum": float("nan")}, "schema.minimum: a number is needed"),
        ({"multipleOf": 0}, "schema.multipleOf: a number greater than 0 is needed"),
        ({"enum": []}, "schema.enum: a list of 1 to 10000 values is needed"),
        ({"anyOf": []}, "schema.anyOf: a list of schemas is needed"),
        ({"required": "a"}, "schema.required: a list of str is needed"),
        ({"type": "object", "properties": {"a": {"default": {1, 2}}}}, "schema: a set cannot cross the boundary"),
    ],
)
def test_what_is_no_schema_or_not_supported_is_refused_with_its_place(schema: Any, error: str) -> None:
    with pytest.raises(ValueError) as raised:
        Schema.from_value(schema)
    assert str(raised.value).startswith(error)


def test_what_other_properties_have_to_be_says_nothing_of_the_named_ones() -> None:
    schema = Schema.from_value({"properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "string"}})
    assert schema.check({"a": 1, "b": "x"}) is None
    assert schema.check({"a": 1, "b": 2}) == "answer.b: must be a str, is an int"


def test_annotations_are_ignored_and_cost_no_tokens() -> None:
    schema = Schema.from_value({"title": "T", "description": "d", "type": "string", "format": "email", "default": 3, "examples": [1]})
    assert schema.check("no e-mail at all") is None
    assert schema.text == '{"type":"string"}'


def deep(levels: int) -> Any:
    schema: Any = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    "schema", [deep(100), deep(25), {"anyOf": [{}] * 3_000}, {"enum": ["x" * 1_000] * 300}, {"$defs": {str(n): {} for n in range(2_500)}}]
)
def test_a_schema_that_is_too_large_is_refused_at_once(schema: Any) -> None:
    started = time.perf_counter()
    with pytest.raises(ValueError):
        Schema.from_value(schema)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "#"}, 1),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, 1),
        # Each level asks twice for the next: 2 ** 30 checks.
        ({"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "array", "items": {"$ref": "#"}}]}, None),
        ({"items": {"anyOf": [{"const": n} for n in range(1_900)]}}, [1_899] * 10_000),
        ({"items": {"enum": list(range(9_000))}, "uniqueItems": True}, [n % 9_000 for n in range(90_000)]),
    ],
)
def test_a_schema_that_would_take_for_ever_is_given_up(schema: Any, value: Any) -> None:
    if value is None:
        value = 1
        for _ in range(30):
            value = [value]
    started = time.perf_counter()
    problem = Schema.from_value(schema).check(value)
    assert time.perf_counter() - started < 5
    assert problem is not None


def test_numbers_whose_hashes_collide_take_no_longer_than_others() -> None:
    colliding: list[Any] = [n * (2**61 - 1) for n in range(1, 60_000)]
    started = time.perf_counter()
    assert Schema.from_value({"uniqueItems": True}).check(colliding) is None
    assert time.perf_counter() - started < 2
    assert len(colliding) < MAX_STEPS


class Line(BaseModel):
    amount: float = Field(ge=0)
    kind: Literal["in", "out"] = "in"
    parts: list[Line] = []


class Ledger(BaseModel):
    lines: list[Line] = Field(max_length=3)
    owner: str | None = None
    totals: dict[str, tuple[int, str]] = {}


def test_schemas_that_pydantic_writes_are_understood() -> None:
    schema = Schema.from_value(TypeAdapter(Ledger).json_schema())
    good = {"lines": [{"amount": 1, "parts": [{"amount": 2}]}], "owner": None, "totals": {"a": [1, "x"]}}
    assert schema.check(good) is None
    assert schema.check({"lines": [{"amount": 1, "parts": [{"amount": -2}]}]}) == "answer.lines[0].parts[0].amount: must be at least 0"
    assert schema.check({"lines": [], "totals": {"a": [1]}}) == "answer.totals.a: must have at least 2 items, has 1"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-4, 4) | st.sampled_from([0.5, 1.0, -2.0]) | st.sampled_from(["", "a", "bb", "ä€"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null"])
KEYS = st.sampled_from(["a", "b", "c"])
COUNTS = st.integers(0, 3)


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    rules: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "properties": st.dictionaries(KEYS, inner, max_size=2),
        "required": st.lists(KEYS, max_size=2, unique=True),
        "uniqueItems": st.booleans(),
        "multipleOf": st.integers(1, 3),
        **{key: inner for key in ("items", "additionalProperties", "propertyNames")},
        **{key: st.lists(inner, min_size=1, max_size=3) for key in ("prefixItems", "anyOf", "oneOf", "allOf")},
        **{key: st.integers(-3, 3) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")},
        **{key: COUNTS for key in ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")},
        "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
    }
    return st.lists(st.sampled_from(sorted(rules)), max_size=3, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({k: rules[k] for k in keys})
    )


# A dict whose values are all type words is short for its fields, and no schema in full: the other validator knows no such thing.
SCHEMAS = st.recursive(st.booleans() | st.just({"type": "string"}), keywords, max_leaves=6).filter(lambda schema: isinstance(schema, dict))


@settings(max_examples=600, deadline=None)
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=1, max_size=6))
def test_the_verdict_is_the_one_of_another_validator(schema: Any, one: Any, values: list[Any]) -> None:
    # The second definition refers to nothing, so that no reference goes round without end.
    whole = {**schema, "$defs": {"one": one, "two": {"type": ["string", "array", "integer"]}}}
    if '"$ref": "#/$defs/one"' in repr(one).replace("'", '"'):
        return
    theirs = jsonschema.Draft202012Validator(whole)
    ours = Schema.from_value(whole)
    for value in values:
        assert (ours.check(value) is None) == theirs.is_valid(value), (whole, value, ours.check(value))
