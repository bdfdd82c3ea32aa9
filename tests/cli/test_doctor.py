"""doctor, on folders that work and on such that do not."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from shareconsole.headless import doctor
from shareconsole.store.folder import RunFolder


def test_everything_is_looked_at_and_nothing_is_left(cli, runs):
    report = cli("doctor", "--json")
    assert report.code == 0
    checks = {check["name"]: check for check in report.json["checks"]}
    assert report.json["passed"]
    assert checks["torch"]["detail"] == metadata.version("torch")
    assert {"Python", "processor", "memory", "terminal", "colours"} <= checks.keys()
    assert checks["runs folder"]["verdict"] == "ok"
    assert "exclusive" in checks["locks"]["detail"]
    assert not runs.exists()
    runs.mkdir()
    assert cli("doctor").code == 0
    assert list(runs.iterdir()) == []


def test_what_does_not_work_fails_with_1(cli, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    report = cli("doctor", "--runs", str(tmp_path / "file"), own_runs=False)
    assert report.code == 1
    assert "is not a folder" in report.out
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    assert cli("doctor").code == 1


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(**options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", refuse)
    [finding] = doctor._runs_folder(tmp_path)
    assert finding.verdict == doctor.FAILED
    assert "Permission denied" in finding.detail


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("sys.exit('no locks here')", "could not take one: no locks here"),
        ("print('held', flush=True); sys.stdin.read()", "not seen"),
    ],
)
def test_locks_that_do_not_work_are_found(tmp_path, monkeypatch, broken, words):
    monkeypatch.setattr(doctor, "_HOLD", f"import sys; {broken}")
    finding = doctor._locks(RunFolder(tmp_path))
    assert finding.verdict == doctor.FAILED
    assert words in finding.detail


@pytest.mark.parametrize(
    ("environment", "detail"),
    [
        ({"NO_COLOR": "1", "COLORTERM": "truecolor"}, "none: NO_COLOR is set"),
        ({"COLORTERM": "truecolor"}, "16 million"),
        ({"TERM": "tmux-256color"}, "256"),
        ({"TERM": "dumb"}, "none"),
        ({"TERM": "xterm"}, "16 (TERM=xterm); 256 look better"),
        ({}, "none"),
    ],
)
def test_colours(environment, detail):
    assert doctor._colours(environment).detail == detail


def test_packages_that_are_missing_or_too_old(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "2.9.1")
    assert doctor._package("torch").verdict == doctor.FAILED
    assert doctor._package("rich").verdict == doctor.OK

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "version", missing)
    assert doctor._package("rich").verdict == doctor.FAILED
    assert doctor._package("nvidia-ml-py").verdict == doctor.NOTE


def test_gpus_are_listed(monkeypatch):
    class NVMLError(Exception):
        pass

    memory = SimpleNamespace(free=2**30, total=2 * 2**30)
    fake = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=lambda handle: memory,
        nvmlDeviceGetName=lambda handle: "H200",
        nvmlSystemGetDriverVersion=lambda: "570",
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    [finding] = doctor._gpus()
    assert (finding.name, finding.verdict) == ("GPU cuda:0", doctor.OK)
    assert finding.detail == "H200, 1.0 GiB free of 2.0 GiB, driver 570"

    def no_driver() -> None:
        raise NVMLError("no driver")

    fake.nvmlInit = no_driver
    [finding] = doctor._gpus()
    assert finding.verdict == doctor.OK
    assert "no driver" in finding.detail


def test_torch_is_not_loaded_to_look_at_it():
    code = (
        "import sys; from pathlib import Path; from shareconsole.headless.doctor import examine;"
        "list(examine(Path('.'))); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
