"""``run.json``: what a run is. Written once, before the trainer starts, and never again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from shareconsole.store.atomic import StoreError, create_bytes, encode_json, read_json
from shareconsole.store.fields import Fields
from shareconsole.store.folder import RunFolder

SCHEMA = 1


@dataclass(frozen=True)
class RunIdentity:
    """What was asked for. ``steps`` is the first attempt's aim; ``created`` is ISO 8601 UTC."""

    id: str
    name: str
    created: str
    preset: str
    preset_sha256: str
    method: str
    data: str
    seed: int
    steps: int
    tags: tuple[str, ...] = ()
    notes: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""
    versions: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """The object as it stands in ``run.json``."""
        return asdict(self) | {"tags": list(self.tags)}

    @classmethod
    def from_json(cls, obj: Mapping[str, Any], path: object = "run.json") -> RunIdentity:
        """Checked; keys that we do not know are left alone.

        Raises:
            StoreError: a key is missing or of the wrong kind, or the schema is newer than ours.
        """
        fields = Fields(obj, path)
        schema = fields.integer("schema", 1)
        if schema > SCHEMA:
            raise StoreError(f"{path}: made by a newer shareconsole (schema {schema})")
        return cls(
            id=fields.text("id"),
            name=fields.text("name"),
            created=fields.moment("created"),
            preset=fields.text("preset"),
            preset_sha256=fields.text("preset_sha256"),
            method=fields.text("method"),
            data=fields.text("data"),
            seed=fields.integer("seed"),
            steps=fields.integer("steps"),
            tags=fields.texts("tags"),
            notes=fields.text("notes"),
            settings=fields.table("settings"),
            host=fields.text("host"),
            versions=fields.table("versions"),
            schema=schema,
        )


def write_identity(folder: RunFolder, identity: RunIdentity) -> None:
    """Write ``run.json``.

    Raises:
        FileExistsError: it is there already; it is immutable.
        OSError: it cannot be written.
    """
    create_bytes(folder.run_json, encode_json(identity.to_json()))


def read_identity(folder: RunFolder) -> RunIdentity:
    """What the run is.

    Raises:
        StoreError: ``run.json`` is missing, damaged, or made by a newer shareconsole.
    """
    path = os.path.join(folder.path, "run.json")
    return RunIdentity.from_json(read_json(path), path)
