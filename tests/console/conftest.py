"""What the tests of the console share: run folders, empty or with one run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shareconsole.store.folder import RunFolder
from tests.cli import synthetic
from tests.cli.acting import Trainer


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder for runs, which is not there yet."""
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run, which all tests share: leave it as it is."""
    runs = tmp_path_factory.mktemp("finished") / "runs"
    synthetic.ended_run(runs, "mine")
    return runs


@pytest.fixture
def ended(runs: Path) -> RunFolder:
    """A finished run with a warning."""
    return synthetic.ended_run(runs, "mine", warning="look at this")


@pytest.fixture
def training(runs: Path) -> Iterator[tuple[RunFolder, Trainer]]:
    """A run whose trainer is a thread of ours, which obeys."""
    folder = synthetic.live_run(runs, "trained")
    trainer = Trainer(folder)
    trainer.start()
    yield folder, trainer
    trainer.close()
