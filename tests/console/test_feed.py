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
from shareconsole.store.filters import sort_runs
from shareconsole.store.folder import RunFolder
from shareconsole.store.index import list_runs
from tests.console.resting import PATIENCE
from tests.console.varied_runs import varied_runs
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
        self.join()

    def join(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def until(self, holds):
        end = time.monotonic() + PATIENCE
        while not holds(self.posted):
            assert time.monotonic() < end, self.posted
            time.sleep(0.005)


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


def test_what_is_visible_is_read_first(tmp_path):
    synthetic_runs(tmp_path / "runs", 300)
    feed = BrowserFeed(RunList(tmp_path / "runs"))
    posted, over = [], threading.Event()

    def post(message):
        # In the feed's own thread, so that it reads nothing meanwhile.
        posted.append(message.listing)
        if len(posted) == 1:
            feed.show(200, 20)
        if not message.listing.pending:
            over.set()

    feed.run(post, over.is_set)
    assert all(row.filled for row in posted[1][200:220])
    assert posted[1].pending == 280


def test_once_all_is_read_another_page_wakes_nobody(tmp_path, monkeypatch):
    synthetic_runs(tmp_path / "runs", 100)
    feed = BrowserFeed(RunList(tmp_path / "runs"))
    with Running(feed, 60) as browser:
        browser.until(lambda posted: posted and not posted[-1].listing.pending)
        looks = []
        monkeypatch.setattr(feed, "wake", lambda: looks.append(None))
        feed.show(40, 20)
        assert looks == []
        monkeypatch.setattr(RunList, "pending", 1)
        feed.show(60, 20)
        feed.show(60, 20)
        assert looks == [None]


def test_every_order_is_right_once_all_is_read_and_says_what_is_not_before(tmp_path):
    varied_runs(tmp_path / "runs", 400)
    runs = RunList(tmp_path / "runs")
    feed = BrowserFeed(runs)
    everything = list_runs(tmp_path / "runs")
    with Running(feed, 60) as browser:
        browser.until(len)
        for key in ("best_macro_error", "state", "-step", "name"):
            runs.sort(key)
            feed.wake()
            browser.until(lambda posted, key=key: posted[-1].listing.sort_key == key)
            listing = browser.posted[-1].listing
            read = [row.filled for row in listing]
            assert read == sorted(read, reverse=True)
        browser.until(lambda posted: not posted[-1].listing.pending)
        for key in ("best_macro_error", "-macro_error", "state", "-step", "name"):
            runs.sort(key)
            feed.wake()
            browser.until(lambda posted, key=key: posted[-1].listing.sort_key == key)
            listing = browser.posted[-1].listing
            assert list(listing.ids) == [run.id for run in sort_runs(everything, key)]
        runs.filter("best_macro_error<0.25 state:finished")
        feed.wake()
        browser.until(lambda posted: posted[-1].listing.filter_text)
        wanted = {
            run.id for run in everything if run.state == "finished" and run.best_macro_error < 0.25
        }
        assert set(browser.posted[-1].listing.ids) == wanted
        assert 0 < len(wanted) < 400


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
        browser.until(len)
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
