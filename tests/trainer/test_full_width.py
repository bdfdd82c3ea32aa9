"""The check of presets at full width finds a failure, keeps what passed, and ends."""

from __future__ import annotations

import json

import pytest

from tests.trainer import full_width

pytestmark = pytest.mark.process


def test_what_fails_is_told_and_what_passed_is_kept(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "kept.jsonl"
    kept.write_text(json.dumps(vars(full_width.Row("digits", steps=3))) + "\n")
    monkeypatch.setattr(full_width, "MOST_OVER", 0.5)
    command = ["--kept", str(kept), "--only", "digits"]
    assert full_width.main([*command, "digits-branched"]) == 1
    told = capsys.readouterr()
    assert told.err == "digits-branched: takes more memory than predicted\n"
    first, second = ([c.strip() for c in x.split("|")] for x in told.out.splitlines()[2:4])
    assert (first[1], first[-2]) == ("digits", "ok")
    assert "1 of 2 presets ok" in told.out
    # All went well but for the memory: both stages, a checkpoint, one step more and its test.
    assert second[1:3] == ["digits-branched", "built in"]
    assert int(second[3].replace(",", "")) >= 3
    assert second[6] == "4 of 4"
    assert 0.8 < float(second[9]) < 1.2
    assert second[10] == "FAILED"
    assert full_width.read_rows(kept).keys() == {"digits"}
    assert full_width.main(command) == 0
    assert not kept.exists()
