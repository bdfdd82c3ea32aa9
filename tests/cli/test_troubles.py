"""What is damaged, missing or odd in a runs folder: said, and in the way of nothing else."""

from __future__ import annotations

import io
import os
import struct

from shareconsole.headless.output import make_console
from shareconsole.store.folder import RunFolder
from shareconsole.store.heartbeat import Flag
from tests.cli import synthetic
from tests.cli.test_reading import LS_KEYS


def test_ls_says_what_ails_a_run(cli, runs):
    from shareconsole.headless.listing import print_runs
    from shareconsole.store.index import list_runs

    full = synthetic.live_run(runs, flags=Flag.DISK_FULL)
    broken = synthetic.ended_run(runs)
    (broken.path / "run.json").write_text("{")
    bare = RunFolder(runs / "20200101-000000-bare-0000")
    bare.path.mkdir()
    os.utime(bare.path, (0, 0))
    (runs / "Not A Run").mkdir()
    result = cli("ls")
    lines = {line.split()[0]: line for line in result.out.splitlines()}
    assert lines[full.id].endswith("  (the disk is full; records wait in memory)")
    assert "is not JSON" in lines[broken.id]
    assert lines[bare.id].endswith("  (no run.json)")
    assert "1 folder in" in result.err
    assert "no runs" in result.err
    stream = io.StringIO()
    print_runs(make_console(stream, columns_without_terminal=80), list_runs(runs), cut=True)
    drawn = stream.getvalue().splitlines()
    assert "  the disk is full; records wait in memory" in drawn
    assert "  no run.json" in drawn
    rows = cli("ls", "--json").json
    assert [list(row) for row in rows] == [LS_KEYS] * 3


def test_an_unknown_step_is_not_zero(cli, runs):
    folder = synthetic.crashed_run(runs)
    assert cli("ls", "--json").json[0]["step"] == 7
    folder.metrics(1).unlink()
    assert cli("ls", "--json").json[0]["step"] is None
    assert " -/20 " in cli("ls").out


def damaged(runs) -> RunFolder:
    """Return a run whose steps 12, 13 and 17 are damaged."""
    folder = synthetic.ended_run(runs)
    data = bytearray(folder.metrics(1).read_bytes())
    for step in (12, 13, 17):
        data[data.find(struct.pack("<Hq", 0, step)) + 12] ^= 1
    folder.metrics(1).write_bytes(data)
    return folder


def test_export_tells_what_is_damaged_and_missing(cli, runs, tmp_path):
    folder = damaged(runs)
    for words in ([], ["--format", "jsonl"], ["-o", str(tmp_path / "out.csv")]):
        result = cli("export", folder.id, *words)
        assert result.code == 0
        assert "damaged bytes in the log were skipped" in result.err
        assert "3 steps are missing from the records: 12-13, 17" in result.err
    assert "3 steps are missing from the records: 12-13, 17" in cli("show", folder.id).out
    with folder.metrics(1).open("ab") as log:
        log.write(b"\xc5\x5a\x02\x01cut")
    assert "7 bytes of an unfinished record" in cli("export", folder.id).err
    whole = synthetic.ended_run(runs)
    assert cli("export", whole.id).err == ""
    data = whole.metrics(1).read_bytes()
    whole.metrics(1).write_bytes(data[: data.find(struct.pack("<Hq", 0, 19)) - 12])
    assert "2 steps are missing from the records: 19-20" in cli("export", whole.id).err


def test_a_missing_log_of_tensors_is_told(cli, runs):
    folder = synthetic.ended_run(runs)
    assert cli("show", folder.id, "--json").json["warnings"] == []
    folder.tensors(1).unlink()
    [warning] = cli("show", folder.id, "--json").json["warnings"]
    assert warning.startswith("tensors.0001.rec is missing")
    assert "Assignment" not in cli("show", folder.id).out


def test_a_folder_without_run_json_gets_one_answer_everywhere(cli, runs):
    folder = synthetic.ended_run(runs)
    folder.run_json.unlink()
    os.utime(folder.path, (0, 0))
    [row] = cli("ls", "--json").json
    assert (row["state"], cli("show", folder.id, "--json").json["reason"]) == (
        "unreadable",
        "no run.json",
    )
    assert cli("show", folder.id).code == 0
    for verb in ("stop", "pause", "checkpoint", "resume", "export"):
        result = cli(verb, folder.id)
        assert (result.code, result.out) == (2, "")
        assert f"cannot {verb} {folder.id}: it has no run.json" in result.err


def test_a_line_feed_in_a_foreign_value_is_shown_as_an_escape(cli, runs):
    folder = synthetic.ended_run(
        runs, "na\nme", 'run.tags=["a\\nb"]', 'run.notes="x\\ny"', warning="watch\nout"
    )
    out = cli("show", folder.id).out
    for shown in ("na\\nme", "tags: a\\nb", "- watch\\nout"):
        assert shown in out


def test_what_was_not_made_twice_is_not_called_verified(cli, runs):
    folder = synthetic.new_run(runs)
    for start, end in ((0, 10), (10, 15), (18, 20)):
        attempt = synthetic.begin(folder, resume_from_step=start)
        synthetic.write_records(folder, attempt, end)
        synthetic.end(folder, attempt, "stopped", end)
    out = cli("show", folder.id).out
    assert "resumed where the records ended (attempt 2, from step 10)" in out
    assert "resumed from step 18 (attempt 3)" in out
    assert "3 steps are missing from the records: 16-18" in out


def test_a_preset_that_is_not_the_runs_any_more_is_told(cli, runs):
    folder = synthetic.ended_run(runs)
    changed = "preset.resolved.toml was changed since the run was made"
    assert changed not in cli("show", folder.id).out
    with folder.resolved_toml.open("a", encoding="utf-8") as file:
        file.write("# a remark\n")
    assert changed in " ".join(cli("show", folder.id).out.split())
    folder.resolved_toml.write_bytes(b"\xff")
    assert [text for text in cli("show", folder.id, "--json").json["warnings"] if changed in text]
