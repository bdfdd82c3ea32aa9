from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shareconsole.store.atomic import StoreError, read_json, write_json
from shareconsole.store.identity import read_identity, write_identity
from tests.store.builders import a_folder, an_identity


def test_identity_comes_back_and_is_written_once(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    identity = an_identity(folder, settings={"train": {"steps": 3}}, versions={"numpy": "2"})
    write_identity(folder, identity)
    assert read_identity(folder) == identity
    with pytest.raises(FileExistsError):
        write_identity(folder, identity)
    write_json(folder.run_json, {**read_json(folder.run_json), "unknown": 1})
    assert read_identity(folder) == identity


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("schema", 0),
        ("schema", True),
        ("seed", -1),
        ("seed", 2**63),
        ("seed", 1.5),
        ("steps", "10"),
        ("tags", "x"),
        ("tags", [1]),
        ("name", None),
        ("created", "yesterday"),
        ("created", "0001-01-01T00:00:00+23:59"),
        ("settings", []),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, key: str, value: Any) -> None:
    folder = a_folder(tmp_path)
    write_json(folder.run_json, an_identity(folder).to_json() | {key: value})
    with pytest.raises(StoreError, match="newer" if value == 2 else key):
        read_identity(folder)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    whole = an_identity(folder).to_json()
    for key in whole:
        write_json(folder.run_json, {k: v for k, v in whole.items() if k != key})
        with pytest.raises(StoreError, match=f"{key} is missing"):
            read_identity(folder)
