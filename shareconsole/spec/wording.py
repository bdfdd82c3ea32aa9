"""What is allowed and what is wrong, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KINDS = {
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
}
_MAX_SHOWN = 60


def shown(value: object) -> str:
    """Return a value as a preset would write it, cut to a readable length."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value if len(value) <= _MAX_SHOWN else value[:_MAX_SHOWN] + "..."}"'
        case int() if abs(value) >= 10**20:
            # Past 4,300 digits Python refuses to write an integer at all.
            return "an integer of more than 20 digits"
        case int() | float():
            return str(value)
        case dict():
            return "a table"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return f"a {type(value).__name__}"


def kind(value: object) -> str:
    """Return what sort of TOML value it is, with its article."""
    names = {bool: "a boolean", str: "text", int: "an integer", float: "a decimal number"}
    names |= {dict: "a table", list: "a list"}
    return names.get(type(value), "a date or time")


def is_kind(value: object) -> str:
    """Return "<value> is <kind>", or "is <kind>" where showing the value would repeat it."""
    if isinstance(value, str | int | float):
        return f"{shown(value)} is {kind(value)}"
    return f"is {kind(value)}"


def allowed(schema: Mapping[str, Any]) -> str:
    """Return in words what a field's JSON Schema admits, for example "an integer from 1 to 9"."""
    if "anyOf" in schema:
        return ", or ".join(allowed(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(f'"{choice}"' for choice in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if schema.get("type") == "array":
        return _allowed_list(schema)
    text = _KINDS.get(schema.get("type", ""), "a value") + _range(schema)
    if "maxLength" in schema:
        least = schema.get("minLength", 0)
        text += f" of {f'{least} to' if least else 'at most'} {schema['maxLength']} characters"
    return text


def _allowed_list(schema: Mapping[str, Any]) -> str:
    item = allowed(schema.get("items", {}))
    most = schema.get("maxItems")
    return f"a list{f' of at most {most}' if most else ''}, each {item}"


def _range(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    parts = []
    if low is not None:
        parts.append(f"at least {low}")
    if "exclusiveMinimum" in schema:
        parts.append(f"above {schema['exclusiveMinimum']}")
    if high is not None:
        parts.append(f"at most {high}")
    if "exclusiveMaximum" in schema:
        parts.append(f"below {schema['exclusiveMaximum']}")
    return " " + " and ".join(parts) if parts else ""
