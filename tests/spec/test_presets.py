"""The shipped presets are what they say they are."""

from __future__ import annotations

import pytest

from shareconsole.spec.source import shipped_folder
from shareconsole.spec.toml import load_preset, parse_resolved, resolved_toml

NAMES = ["digits", "digits-full", "digits-none", "digits-prior", "planted"]


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_explains_itself_and_reads_back(name):
    loaded = load_preset(name)
    assert loaded.source.startswith(b"# ")
    assert 20 < len(loaded.preset.run.notes) < 80
    assert "\n" not in loaded.preset.run.notes
    assert parse_resolved(resolved_toml(loaded.preset)) == loaded.preset


def test_there_are_no_others_untested():
    assert sorted(path.stem for path in shipped_folder().glob("*.toml")) == sorted(NAMES)


@pytest.mark.parametrize("name", ["digits-full", "digits-none", "digits-prior"])
def test_the_baselines_differ_in_the_method_alone(name):
    learned, baseline = load_preset("digits").preset, load_preset(name).preset
    for table in ("data", "network", "train", "step_size", "device"):
        assert getattr(learned, table) == getattr(baseline, table)
    assert learned.method.name != baseline.method.name
