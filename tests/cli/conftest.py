"""Carrying out command lines in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shareconsole.cli.app import run
from shareconsole.store.folder import RunFolder
from tests.cli import synthetic
from tests.cli.acting import Trainer


@dataclass(frozen=True)
class Result:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], runs: Path) -> Callable[..., Result]:
    """cli("ls", "--json"): carry out a command line on the test's own runs folder."""

    def call(*words: str, own_runs: bool = True) -> Result:
        capsys.readouterr()
        code = run([*words, "--runs", str(runs)] if own_runs else words)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def training(runs: Path) -> Iterator[Callable[..., tuple[RunFolder, Trainer]]]:
    """training(flags, after_resume="", name=None): a run and a thread that obeys requests to it."""
    trainers: list[Trainer] = []

    def begin(
        flags: int = 0, *, after_resume: str = "", name: str | None = None
    ) -> tuple[RunFolder, Trainer]:
        folder = synthetic.live_run(runs, name, flags=flags)
        trainer = Trainer(folder, after_resume)
        trainer.start()
        trainers.append(trainer)
        return folder, trainer

    yield begin
    for trainer in trainers:
        trainer.close()
