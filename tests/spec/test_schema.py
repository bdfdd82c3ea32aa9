"""Schema and catalogues: every field is described, every name leads somewhere."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest

from shareconsole.errors import UsageError
from shareconsole.spec.catalog import lookup
from shareconsole.spec.datasets import DATASETS, DatasetOptions
from shareconsole.spec.methods import METHODS, MethodOptions
from shareconsole.spec.nearest import nearest
from shareconsole.spec.networks import NETWORKS, NetworkOptions
from shareconsole.spec.preset import Preset
from shareconsole.spec.stepsizes import STEP_SIZES, StepSizeOptions
from shareconsole.spec.toml import json_schema

SCHEMA = json_schema()
TABLES = {name: table for name, table in SCHEMA["$defs"].items() if "properties" in table}
FIELDS = [(table, name) for table in TABLES for name in TABLES[table]["properties"]]


def has_range(schema):
    """Tell whether a schema bounds what it admits: choices, a range, or lengths with a range."""
    if "anyOf" in schema:
        return all(has_range(choice) for choice in schema["anyOf"])
    match schema.get("type"):
        case "integer" | "number":
            low = "minimum" in schema or "exclusiveMinimum" in schema
            return low and ("maximum" in schema or "exclusiveMaximum" in schema)
        case "boolean":
            return True
        case "string":
            return bool({"enum", "const", "maxLength", "pattern"} & schema.keys())
        case "array":
            return "maxItems" in schema and has_range(schema["items"])
        case kind:
            raise AssertionError(f"a field of type {kind}")


@pytest.mark.parametrize(("table", "name"), FIELDS)
def test_every_field_states_description_unit_range_and_default(table, name):
    field = TABLES[table]["properties"][name]
    assert len(field["description"]) > 5
    assert not field["description"].endswith(".")
    assert field["unit"]
    assert has_range(field)
    assert "default" in field or name in TABLES[table]["required"]


def test_every_table_is_described_and_closed():
    assert len(TABLES) == 3 + len(DATASETS) + len(NETWORKS) + len(METHODS) + len(STEP_SIZES)
    for table in (SCHEMA, *TABLES.values()):
        assert table["additionalProperties"] is False
        assert table["description"]
    for table in SCHEMA["properties"].values():
        assert table["description"]
    assert SCHEMA["required"] == ["data", "network", "method"]
    assert list(SCHEMA["properties"]) == list(Preset.model_fields)


@pytest.mark.parametrize(
    ("table", "union"),
    [
        (METHODS, MethodOptions),
        (NETWORKS, NetworkOptions),
        (DATASETS, DatasetOptions),
        (STEP_SIZES, StepSizeOptions),
    ],
)
def test_catalogues_agree_with_the_preset(table, union):
    inside = typing.get_args(union)
    models = typing.get_args(inside[0]) if inside else (union,)
    assert set(models) == {entry.options for entry in table.values()}
    for name, entry in table.items():
        assert entry.name == name
        assert typing.get_args(entry.options.model_fields["name"].annotation) == (name,)
        assert entry.summary
        module, _, attribute = entry.target.partition(":")
        assert attribute.isidentifier()
        root = Path(__file__).parents[2]
        assert (root / (module.replace(".", "/") + ".py")).is_file()


def test_an_unknown_name_is_answered_with_the_known_ones():
    assert lookup(METHODS, "no_sharing").name == "no_sharing"
    with pytest.raises(UsageError, match=r"known: learned_sharing.*did you mean no_sharing\?"):
        lookup(METHODS, "no-shering")
    with pytest.raises(UsageError, match=r"known: convnet, mlp, resnet18, diversity_depth$"):
        lookup(NETWORKS, "transformer")


def test_nearest():
    assert nearest("Batch-Size", ["batch_size", "steps"]) == "batch_size"
    assert nearest("zzz", ["batch_size", "steps"]) == ""
    assert nearest("x" * 1_000_000, ["x" * 80]) == "x" * 80
