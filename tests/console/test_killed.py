"""A trainer that is killed while somebody watches: seen at once, with what helps."""

from __future__ import annotations

import numpy as np
import pytest

from shareconsole.console.feed import LIVE_SECONDS
from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.store.heartbeat import Heartbeat
from shareconsole.store.process import ProcessIdentity
from shareconsole.store.records import RecordWriter
from tests.console.driving import drive
from tests.console.viewmodel.longrun import a_schema, values_at
from tests.store.builders import a_run, an_attempt, child, says

TRAINER = """
import time
from shareconsole.store.process import this_process
me = this_process()
print(me.pid, me.boot_id, me.start_ticks, me.host, flush=True)
time.sleep(600)
"""


def a_run_of(folder, process):
    """Records of 30 steps whose trainer is a process."""
    pid, boot, ticks, host = says(process).split()
    an_attempt(folder, process=ProcessIdentity(int(pid), boot, int(ticks), host))
    with RecordWriter(folder.metrics(1), a_schema()[0]) as writer:
        for row in values_at(np.arange(1, 31)):
            writer.row("step", int(row["step"]), list(row)[1:])
    folder.log(1).write_text("".join(f"word {n}\n" for n in range(40)))
    with Heartbeat(folder) as heartbeat:
        heartbeat.beat(30, 0, 0.0, 0.05)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
def test_it_is_shown_within_three_seconds_with_the_last_words_and_the_key(
    tmp_path, size, monkeypatch
):
    folder = a_run(tmp_path)
    looks = []
    original = LiveReader.snapshot

    def snapshot(self):
        looks.append(1)
        return original(self)

    monkeypatch.setattr(LiveReader, "snapshot", snapshot)
    with child(TRAINER) as process:
        a_run_of(folder, process)

        async def act(d):
            await d.until("30/1,000")
            assert "running" in d.rows()[0]
            process.kill()
            process.wait()
            before = len(looks)
            await d.until(lambda: "crashed" in d.rows()[0])
            await d.until("r starts again from step 0")
            # Looks are what three seconds are made of, however busy the machine is.
            assert (len(looks) - before) * LIVE_SECONDS < 3
            assert "killed, or out of memory" in d.text()
            assert "word 39" in d.text()
            await d.until(lambda: "r resume" in d.rows()[-1])

        drive(tmp_path, act, run=folder, size=size)
