"""Many runs in all states but those that need a process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shareconsole.store.atomic import encode_json
from shareconsole.store.attempts import Attempt, AttemptExit
from shareconsole.store.folder import RunFolder
from shareconsole.store.process import this_process
from tests.store.builders import WHEN, an_identity

REASONS = ("finished", "stopped", "failed")


def synthetic_runs(runs: Path, count: int) -> None:
    """Written without syncing, which is what would take the time."""
    me = this_process()
    for i in range(count):
        folder = RunFolder(runs / f"20261122-{i // 3600:02d}{i // 60 % 60:02d}{i % 60:02d}-x-0000")
        folder.control.mkdir(parents=True)
        created = f"2026-11-22T{i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d}.000Z"
        settings = {"train": {"steps": 1000, "batch_size": 16}, "method": {"name": "x"}}
        identity = an_identity(folder, created=created, seed=i, settings=settings)
        folder.run_json.write_bytes(encode_json(identity.to_json()))
        folder.preset_toml.write_text("")
        folder.resolved_toml.write_text("")
        for name in ("lock", "heartbeat", "metrics.0001.rec", "tensors.0001.rec", "log.0001.txt"):
            (folder.path / name).write_bytes(b"")
        process = replace(me, start_ticks=1) if i % 10 == 9 else me
        attempt = Attempt(
            number=1,
            pid=process.pid,
            boot_id=process.boot_id,
            start_ticks=process.start_ticks,
            host=process.host,
            argv=("python", "-m", "shareconsole.trainer", str(folder.path)),
            started=WHEN,
            steps=1000,
            exit=None if i % 10 >= 8 else AttemptExit(0, REASONS[i % 3], 1000, "", WHEN),
        )
        folder.attempt_json(1).write_bytes(encode_json(attempt.to_json()))
        status = {
            "step": 1000,
            "steps": 1000,
            "attempt": 1,
            "macro_error": i / count,
            "micro_error": i / count,
            "best_macro_error": i / count / 2,
            "steps_per_second": 10.0,
            "updated": WHEN,
        }
        folder.status_json.write_bytes(encode_json(status))
