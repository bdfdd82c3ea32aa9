"""The picker's presets: what they come to, and all that is wrong with them."""

from __future__ import annotations

import pytest

from shareconsole.console.viewmodel.presets import (
    preset_choices,
    preset_overrides,
    resolve_preset,
)
from shareconsole.safe_text import safe_text
from shareconsole.spec.toml import load_preset


def test_the_shipped_presets_are_there(tmp_path):
    choices = preset_choices(tmp_path)
    assert "digits" in {choice.name for choice in choices}
    assert all(choice.summary for choice in choices if choice.shipped)


def test_a_resolved_preset(tmp_path):
    found = resolve_preset("digits", cwd=tmp_path)
    assert found.problems == ()
    assert found.run_name == "digits"
    assert any(line.startswith("steps = ") for line in found.lines)
    assert dict(found.facts)["data"] == "digits"


def test_name_and_seed_can_be_edited(tmp_path):
    found = resolve_preset("digits", run_name='first "try"', seed=" 12 ", cwd=tmp_path)
    assert (found.run_name, found.seed) == ('first "try"', 12)
    assert "seed = 12" in found.lines
    assert preset_overrides(None, None) == []


@pytest.mark.parametrize("seed", ["", "x", "-1", "1.5", "9" * 30, "1\n2"])
def test_a_seed_that_is_none_is_a_problem(tmp_path, seed):
    found = resolve_preset("digits", seed=seed, cwd=tmp_path)
    assert found.problems
    assert found.lines == ()


def test_all_problems_at_once(tmp_path):
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "bad.toml").write_text('[data]\nname = "nope"\n[train]\nsteps = 0\n')
    found = resolve_preset("bad", cwd=tmp_path)
    assert len(found.problems) >= 2
    assert resolve_preset("not there", cwd=tmp_path).problems


def test_hostile_names_come_out_safe(tmp_path, hostile):
    for text in hostile:
        found = resolve_preset("digits", run_name=text, cwd=tmp_path)
        shown = (found.run_name, *found.lines, *found.problems)
        assert all(safe_text(line) == line for line in shown)
        if not found.problems:
            overrides = preset_overrides(text, None)
            name = load_preset("digits", overrides, cwd=tmp_path).preset.run.name
            assert name == (text or "digits")
