"""The worker that looks at all runs: what it reads first, and what it posts."""

from __future__ import annotations

import threading

from shareconsole.console.feed import BrowserFeed
from shareconsole.console.viewmodel.browser import RunList
from shareconsole.store.filters import sort_runs
from shareconsole.store.index import list_runs
from tests.console.feeding import Running
from tests.console.varied_runs import varied_runs
from tests.store.builders import a_run
from tests.store.synthetic import synthetic_runs


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
