"""The workers: what they post, when, and that they end."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest

from shareconsole.console.feed import BrowserFeed, LiveFeed
from shareconsole.console.messages import ActionDone, ActionFailed, RunsListed, SnapshotTaken
from shareconsole.console.viewmodel.browser import RunList
from shareconsole.console.viewmodel.live import LiveReader
from shareconsole.store.atomic import StoreError
from shareconsole.store.folder import RunFolder
from tests.console.viewmodel import longrun
from tests.store.builders import a_run
from tests.store.synthetic import synthetic_runs


class Running:
    """A feed in a thread of its own, and what it posted."""

    def __init__(self, feed, interval):
        self.posted = []
        self.failure = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(feed, interval))

    def _run(self, feed, interval):
        try:
            feed.run(self.posted.append, self._stop.is_set, interval)
        except Exception as error:
            self.failure = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def until(self, holds):
        end = time.monotonic() + 10
        while not holds(self.posted):
            assert time.monotonic() < end, self.posted
            time.sleep(0.005)


def test_a_live_run_is_posted_when_it_changes_and_only_then(tmp_path):
    folder = longrun.a_long_run(tmp_path, 50, num_assignments=5)
    with Running(LiveFeed(folder), 0.01) as live:
        live.until(lambda posted: len(posted) == 1)
        time.sleep(0.1)
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
        start = time.monotonic()
    assert time.monotonic() - start < 1


def test_a_feed_can_be_woken(tmp_path):
    folder = longrun.a_long_run(tmp_path, 50, num_assignments=5)
    feed = LiveFeed(folder)
    with Running(feed, 3600) as live:
        live.until(len)
        longrun.more_steps(folder, 51, 51)
        time.sleep(0.05)
        feed.wake()
        live.until(lambda posted: len(posted) == 2)


def test_what_cannot_be_read_is_posted_once(tmp_path, monkeypatch):
    broken = threading.Event()
    broken.set()
    original = LiveReader.snapshot

    def snapshot(self):
        if broken.is_set():
            raise StoreError("x\x1b[2J: is gone")
        return original(self)

    monkeypatch.setattr(LiveReader, "snapshot", snapshot)
    with Running(LiveFeed(a_run(tmp_path)), 0.01) as live:
        live.until(len)
        time.sleep(0.1)
        assert [type(message) for message in live.posted] == [ActionFailed]
        assert live.posted[0].text == "x\\x1b[2J: is gone"
        broken.clear()
        live.until(lambda posted: len(posted) == 2)


def test_our_own_mistakes_end_the_worker(tmp_path, monkeypatch):
    def snapshot(self):
        raise KeyError("a mistake")

    monkeypatch.setattr(LiveReader, "snapshot", snapshot)
    with Running(LiveFeed(a_run(tmp_path)), 0.01) as live:
        live._thread.join(5)
    assert isinstance(live.failure, KeyError)


def test_names_come_before_rows_and_everything_in_the_end(tmp_path):
    synthetic_runs(tmp_path / "runs", 300)
    feed = BrowserFeed(RunList(tmp_path / "runs"))
    with Running(feed, 0.05) as browser:
        browser.until(lambda posted: posted and not posted[-1].listing.pending)
    first = browser.posted[0].listing
    assert len(first) == 300
    assert first.pending == 300
    second = browser.posted[1].listing
    assert all(row.filled for row in second[:60])
    versions = [message.listing.version for message in browser.posted]
    assert versions == sorted(set(versions))
    assert browser.failure is None


def test_what_is_visible_is_read_at_once(tmp_path):
    synthetic_runs(tmp_path / "runs", 600)
    feed = BrowserFeed(RunList(tmp_path / "runs"))
    with Running(feed, 60) as browser:
        browser.until(len)
        feed.show(400, 20)
        browser.until(lambda posted: all(row.filled for row in posted[-1].listing[400:420]))
        assert browser.posted[-1].listing.pending > 0


def test_sorting_shows_when_the_feed_is_woken(tmp_path):
    synthetic_runs(tmp_path / "runs", 20)
    runs = RunList(tmp_path / "runs")
    feed = BrowserFeed(runs)
    with Running(feed, 3600) as browser:
        browser.until(lambda posted: posted and not posted[-1].listing.pending)
        runs.sort("seed")
        feed.wake()
        browser.until(lambda posted: posted[-1].listing.sort_key == "seed")
    assert [row.seed for row in browser.posted[-1].listing] == list(range(20))


def test_a_new_run_shows_by_itself(tmp_path):
    with Running(BrowserFeed(RunList(tmp_path / "runs")), 0.05) as browser:
        time.sleep(0.1)
        a_run(tmp_path / "runs")
        browser.until(lambda posted: posted and len(posted[-1].listing) == 1)
        browser.until(lambda posted: posted[-1].listing[0].state == "queued")


def test_only_the_last_look_needs_to_be_shown(tmp_path):
    one, other = (LiveReader(a_run(tmp_path, name)).snapshot() for name in ("one", "other"))
    assert SnapshotTaken(one).can_replace(SnapshotTaken(one))
    assert not SnapshotTaken(one).can_replace(SnapshotTaken(other))
    listing = RunList(tmp_path).listing()
    assert RunsListed(listing).can_replace(RunsListed(listing))
    assert not RunsListed(listing).can_replace(SnapshotTaken(one))
    for message in (ActionDone("x"), ActionFailed("x")):
        assert not message.can_replace(message)


@pytest.mark.parametrize("interval", [0.0, 0.25])
def test_the_interval_is_kept(tmp_path, interval):
    looks, now = [], [0.0]

    def clock():
        now[0] += 0.05
        return now[0]

    original = LiveReader.snapshot

    def snapshot(self):
        looks.append(now[0])
        return original(self)

    folder = RunFolder(a_run(tmp_path).path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LiveReader, "snapshot", snapshot)
        LiveFeed(folder, clock=clock).run(lambda message: None, lambda: len(looks) > 3, interval)
    assert all(b - a >= interval for a, b in pairwise(looks))
