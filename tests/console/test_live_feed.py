"""The worker that looks at one run: what it posts, when, and that it ends."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest

from shareconsole.console.feed import LiveFeed
from shareconsole.console.messages import ActionDone, ActionFailed, RunsListed, SnapshotTaken
from shareconsole.console.viewmodel.browser import RunList
from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.store.atomic import StoreError
from shareconsole.store.folder import RunFolder
from tests.console.feeding import Running
from tests.console.viewmodel import longrun
from tests.store.builders import a_run


@pytest.fixture
def looks(monkeypatch):
    """Grows by one with every look at a live run."""
    found = []
    original = LiveReader.snapshot

    def snapshot(self):
        found.append(time.monotonic())
        return original(self)

    monkeypatch.setattr(LiveReader, "snapshot", snapshot)
    return found


def test_a_live_run_is_posted_when_it_changes_and_only_then(tmp_path, looks):
    folder = longrun.a_long_run(tmp_path, 50, num_assignments=5)
    with Running(LiveFeed(folder), 0.01) as live:
        live.until(lambda posted: len(posted) == 1)
        looks.clear()
        live.until(lambda posted: len(looks) > 3)
        assert len(live.posted) == 1
        longrun.more_steps(folder, 51, 51)
        live.until(lambda posted: len(posted) == 2)
    first, second = live.posted
    assert isinstance(second, SnapshotTaken)
    assert len(second.snapshot.loss.series[0].steps) == 51
    assert second.snapshot.errors is first.snapshot.errors
    assert live.failure is None


def test_a_feed_ends_soon_whatever_its_interval(tmp_path):
    folder = a_run(tmp_path)
    with Running(LiveFeed(folder), 3600) as live:
        live.until(len)
    # It has ended, or leaving would have failed.
    assert live.failure is None


def test_a_feed_can_be_woken(tmp_path):
    folder = longrun.a_long_run(tmp_path, 50, num_assignments=5)
    feed = LiveFeed(folder)
    with Running(feed, 3600) as live:
        live.until(len)
        longrun.more_steps(folder, 51, 51)
        assert len(live.posted) == 1
        feed.wake()
        live.until(lambda posted: len(posted) == 2)


def test_what_cannot_be_read_is_posted_once(tmp_path, monkeypatch):
    broken = threading.Event()
    broken.set()
    original = LiveReader.snapshot
    looks = []

    def snapshot(self):
        looks.append(1)
        if broken.is_set():
            raise StoreError("x\x1b[2J: is gone")
        return original(self)

    monkeypatch.setattr(LiveReader, "snapshot", snapshot)
    with Running(LiveFeed(a_run(tmp_path)), 0.01) as live:
        live.until(lambda posted: len(looks) > 3)
        assert [type(message) for message in live.posted] == [ActionFailed]
        assert live.posted[0].text == "x\\x1b[2J: is gone"
        broken.clear()
        live.until(lambda posted: len(posted) == 2)


def test_our_own_mistakes_end_the_worker(tmp_path, monkeypatch):
    def snapshot(self):
        raise KeyError("a mistake")

    monkeypatch.setattr(LiveReader, "snapshot", snapshot)
    with Running(LiveFeed(a_run(tmp_path)), 0.01) as live:
        live.join()
    assert isinstance(live.failure, KeyError)


@pytest.mark.parametrize("interval", [0.0, 0.25])
def test_the_interval_is_kept(tmp_path, looks, interval):
    now = [0.0]

    def clock():
        now[0] += 0.05
        return now[0]

    times = []

    def over():
        times.extend([now[0]] * (len(looks) - len(times)))
        return len(looks) > 3

    folder = RunFolder(a_run(tmp_path).path)
    LiveFeed(folder, clock=clock).run(lambda message: None, over, interval)
    assert all(b - a >= interval for a, b in pairwise(times))


def test_only_the_last_look_needs_to_be_shown(tmp_path):
    one, other = (LiveReader(a_run(tmp_path, name)).snapshot() for name in ("one", "other"))
    assert SnapshotTaken(one).can_replace(SnapshotTaken(one))
    assert not SnapshotTaken(one).can_replace(SnapshotTaken(other))
    listing = RunList(tmp_path).listing()
    assert RunsListed(listing).can_replace(RunsListed(listing))
    assert not RunsListed(listing).can_replace(SnapshotTaken(one))
    for message in (ActionDone("x"), ActionFailed("x")):
        assert not message.can_replace(message)
