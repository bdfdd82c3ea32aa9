"""bench: the words it takes, the process it starts, and what it prints and keeps."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from shareconsole.errors import RunFailedError, UsageError
from shareconsole.headless.bench import collect as collecting
from shareconsole.headless.bench.compare import compare, machine_differences
from shareconsole.headless.bench.plan import Wish, plan
from shareconsole.headless.bench.process import listen
from shareconsole.headless.bench.saved import load, save
from shareconsole.spec import bench as spec
from shareconsole.spec.bench import BenchJob, BenchRow, Machine, Results
from shareconsole.spec.source import preset_files

SMALL = tuple(
    word
    for text in ("network.conv=[3]", "network.dense=[6]", "method.modules=2", "train.batch_size=4")
    for word in ("--set", text)
)
MACHINE = Machine(
    processor="EPYC\x1b[2J",
    cores=2,
    memory_bytes=2**34,
    system="Linux",
    python="3.12.1",
    torch="2.13.0",
    shareconsole="0.1.0",
    device="cpu/AVX512",
    environment={"MALLOC_MMAP_MAX_": "0"},
    load=0.5,
    gemm_gflops=90.0,
)


def row(engine: str = "loop", cpu_ms: float | None = 100.0, **more: Any) -> BenchRow:
    facts: dict[str, Any] = {
        "preset": "digits",
        "method": "learned_sharing",
        "network": "convnet",
        "data": "digits",
        "engine": engine,
        "sampling": "independent",
        "entropy": "uniform",
        "threads": 1,
        "device": "cpu",
        "tasks": 4,
        "modules": 4,
        "units": 3,
        "samples": 16,
        "batch_size": 16,
        "cpu_ms": cpu_ms,
        "ratio": 100.0 / cpu_ms if cpu_ms else None,
    }
    if cpu_ms:
        facts |= {
            "cpu_ms_quartiles": (0.9 * cpu_ms, 1.1 * cpu_ms),
            "wall_ms": 2 * cpu_ms,
            "wall_ms_quartiles": (2 * cpu_ms, 2 * cpu_ms),
            "parts_ms": {"data": 1.0, "nes": 2.0, "sgd": 3.0, "optimiser": 4.0, "other": 0.0},
            "logging_ms": 0.01,
        }
    return BenchRow.model_validate(facts | more)


def results(*rows: BenchRow, **machine: Any) -> Results:
    return Results(machine=MACHINE.model_copy(update=machine), rows=rows)


@pytest.fixture
def bench(cli):
    """bench("digits", ...): carry out a command line of bench."""
    return lambda *words: cli("bench", *words, own_runs=False)


@pytest.fixture
def measuring(monkeypatch):
    """measuring(row, ...): the process answers every job with these rows; returns the jobs."""

    def prepare(*rows: BenchRow, error: Exception | None = None) -> list[BenchJob]:
        jobs: list[BenchJob] = []

        def fake(job: BenchJob, interrupts: Any) -> Any:
            jobs.append(job)
            yield {"kind": "machine", **MACHINE.model_dump(mode="json")}
            yield {"kind": "estimate", "case": 0, "seconds": 3.0}
            yield {"kind": "progress", "case": 0, "entropy": 0.9, "round": 1, "rounds": 5}
            for one in rows:
                yield {"kind": "row", "case": 0, "row": one.model_dump(mode="json")}
            if error is not None:
                raise error

        monkeypatch.setattr(collecting, "listen", fake)
        return jobs

    return prepare


def test_a_preset_is_measured_saved_and_compared(bench, tmp_path):
    file = str(tmp_path / "then.json")
    words = ("--rounds", "2", "--steps-per-round", "1", "--engines", "loop")
    first = bench(*SMALL, *words, "--entropy", "uniform", "-o", file, "--json")
    assert first.code == 0
    assert "measuring digits, about" in first.err
    [found] = first.json["rows"]
    assert first.json["machine"]["environment"]["OMP_NUM_THREADS"] == "1"
    assert (found["preset"], found["engine"], found["entropy"]) == ("digits", "loop", "uniform")
    assert (found["rounds"], found["threads"], found["ratio"]) == (2, 1, 1.0)
    assert 0 < found["cpu_ms"] < 1000
    # Torch alone takes more, and nothing here takes much.
    assert 150e6 < found["peak_memory_bytes"] < 1e9
    assert json.loads(Path(file).read_text()) == first.json
    again = bench("--load", file, "--compare", file)
    assert again.code == 0
    assert f"Compared with {file}" in again.out
    assert "1.00\n" in again.out
    assert "another machine" not in again.out


def test_tables_fit_80_columns_and_hide_nothing(bench, tmp_path):
    file = tmp_path / "saved.json"
    why = "unit conv1: Dropout draws random numbers"
    rows = [
        row(cpu_ms=12345.0, peak_memory_bytes=999 * 2**20, gflop=0.348, peak_share=0.19),
        row("trie", 80.0, nodes_share=0.5, unit_evaluations=12.0),
        row("trie", 60.0, sampling="tree"),
        row(entropy=0.99),
        row("trie", None, entropy=0.99, cannot=why),
        *(row(scale={"axis": "samples", "value": n}, cpu_ms=10.0 * n) for n in (4, 8)),
        *(row("trie", 10.0 + n, scale={"axis": "samples", "value": n}) for n in (4, 8)),
    ]
    save(results(*rows), file)
    assert load(file) == results(*rows)
    shown = bench("--load", str(file))
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "\x1b" not in shown.out
    assert [line for line in lines if line.split()[:3] == ["uniform", "loop", "12345"]]
    assert [line for line in lines if line.split()[:2] == ["trie", "tree"]]
    assert f"trie: {why}" in shown.out
    [eight] = [line.split() for line in lines if line.split()[:1] == ["8"]]
    assert eight == ["8", "80.0", "2.0", "18.0", "1.3", "5.56"]


def test_methods_and_gpus_have_tables_of_their_own_kind(bench, tmp_path):
    file = tmp_path / "saved.json"
    gpu = {"device": "cuda:0", "ratio_of": "wall", "peak_device_bytes": 2**30}
    save(results(row(entropy=None, sampling=None, **gpu)), file)
    shown = bench("--load", str(file)).out
    assert "1.0 GiB" in shown
    assert "queued, wall ms" in shown
    assert [line for line in shown.splitlines() if line.split()[:2] == ["-", "loop"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engines", "lop"), '--engines: "lop" is no engine; known: loop'),
        (("--sampling", "tre"), '--sampling: "tre" is no sampling; known: independent'),
        (("--entropy", "high"), '--entropy: "high" is neither "uniform" nor a probability'),
        (("--entropy", "1.5"), '"1.5" is neither'),
        (("--entropy", "0.9,"), '"" is neither'),
        (("--entropy", "nan"), '"nan" is neither'),
        (("--scale", "task=3"), "did you mean tasks?"),
        (("--scale", "tasks"), "is not AXIS=N,N,..."),
        (("--scale", "tasks=3,x"), '"x" is no size'),
        (("--scale", "tasks=0"), '"0" is no size'),
        (("--scale", "samples=1"), "method.nes_samples  1 is too small"),
        (("--scale", "tasks=3", "--real-data"), "does not go with --real-data"),
        (("digits-full", "--scale", "modules=3"), "full_sharing has no modules"),
        (("planted", "--scale", "depth=200"), "network.widths  has 200 elements"),
        (("--set", "network.dense=[]", "--scale", "depth=4"), "convnet cannot have 4 units"),
        (("--threads", "0"), "--threads"),
        (("--rounds", "none"), "--rounds"),
        (("--device", "gpu"), "device.device"),
        (("--set", "train.batch=3"), "did you mean batch_size?"),
        (("--all", "digits"), "does not go with one"),
        (("nothing",), "is not the name of a preset"),
        (("--load", "/nowhere.json"), "/nowhere.json: does not exist"),
        (("--compare", "/"), "/: is not a regular file"),
        (("-o", "/nowhere/file"), "/nowhere is not a folder"),
        (("-o", "/"), "is a folder"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_measured(bench, measuring, words, message):
    jobs = measuring(row())
    result = bench(*words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert jobs == []


@pytest.mark.parametrize("text", ["", "[]", '{"rows": []}', "{", '{"machine": {}, "rows": [1]}'])
def test_a_file_that_holds_something_else_is_no_result(tmp_path, text):
    (tmp_path / "file").write_text(text)
    with pytest.raises(UsageError, match="holds no results of bench"):
        load(tmp_path / "file")


def test_a_file_of_a_later_form_is_refused(tmp_path):
    save(results(row()).model_copy(update={"version": spec.VERSION + 1}), tmp_path / "file")
    with pytest.raises(UsageError, match="later shareconsole"):
        load(tmp_path / "file")


def test_the_words_of_the_command_reach_the_job(bench, measuring):
    jobs = measuring(row())
    words = "--threads 2 --device cpu --rounds 7 --steps-per-round 3 --no-memory --entropy 0.5,0.5"
    assert bench(*words.split(), *SMALL).code == 0
    [job] = jobs
    [case] = job.cases
    assert case.preset.device.threads == 2
    assert case.preset.network.conv == (3,)
    assert (job.rounds, job.steps_per_round, job.memory) == (7, 3, False)
    assert job.entropies == (0.5,)
    assert job.engines[0] == "loop"


def test_all_is_every_shipped_preset(bench, measuring, tmp_path, monkeypatch):
    jobs = measuring(row())
    monkeypatch.chdir(tmp_path)
    assert bench("--all").code == 0
    names = [job.cases[0].name for job in jobs]
    assert names == [file.name for file in preset_files(tmp_path)]
    assert {"digits", "planted", "lws-cifar100"} <= set(names)
    assert {job.least_rounds for job in jobs} == {1}


def test_a_ratio_that_is_too_low_fails(bench, measuring):
    measuring(row(), row("trie", 110.0))
    assert bench("--fail-below", "0.9").code == 0
    failed = bench("--fail-below", "0.95")
    assert failed.code == 1
    assert "too slow: digits, pi uniform, trie: 0.91 times the speed of loop" in failed.err


def test_what_was_measured_before_a_failure_is_not_lost(bench, measuring):
    measuring(row(), error=RunFailedError("the measuring process was killed by signal 9"))
    result = bench("--json")
    assert result.code == 1
    assert "error: digits: the measuring process was killed" in result.err
    assert len(result.json["rows"]) == 1
    measuring(error=RunFailedError("it died"))
    result = bench("--json")
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("error: it died\n")


def test_quiet_says_nothing_but_the_result(bench, measuring):
    measuring(row())
    result = bench("--quiet", "--json")
    assert result.err == ""
    assert result.json["rows"][0]["cpu_ms"] == 100


def test_a_comparison_says_what_became_faster_and_what_is_not_the_same(bench, measuring, tmp_path):
    file = tmp_path / "then.json"
    before = [row(cpu_ms=200.0), row(entropy=0.9), row("trie", 50.0, batch_size=8)]
    save(results(*before, torch="2.12.0", environment={}), file)
    measuring(row(), row("trie", 50.0))
    result = bench("--compare", str(file))
    assert "torch: 2.12.0 then, 2.13.0 now" in result.out
    assert "MALLOC_MMAP_MAX_: - then, 0 now" in result.out
    assert "batch_size: 8 then, 16 now" in result.out
    assert "1 more rows are only in" in result.out
    assert [line for line in result.out.splitlines() if line.split()[-1:] == ["2.00"]]
    found = bench("--compare", str(file), "--json").json["comparison"]
    assert [pair["faster"] for pair in found["rows"]] == [2.0, 1.0]
    assert found["rows"][1]["other_work"] == ["batch_size: 8 then, 16 now"]


def test_rows_are_compared_with_their_like():
    then = results(row(), row(threads=2), row(device="cuda:1"))
    now = results(row(device="cuda:0"), row(entropy=0.5))
    [pair] = compare(then, now)
    assert pair.then.device == "cuda:1"
    assert machine_differences(then.machine, now.machine) == []


def scaled(source: str, scale: str, *overrides: str) -> list[Any]:
    [job] = plan(Wish((source,), scales=(scale,), overrides=overrides))
    assert job.entropies == ("uniform",)
    assert not job.memory
    return [*job.cases]


def test_samples_tasks_and_modules_are_scaled_one_at_a_time():
    four, eight = scaled("digits", "samples=4,8")
    assert (four.preset.method.nes_samples, four.preset.method.sgd_samples) == (4, 4)
    assert (eight.preset.method.nes_samples, eight.scale.value) == (8, 8)
    [many] = scaled("digits", "tasks=50", 'method.modules="tasks"')
    assert many.tasks == 50
    assert many.preset.method.modules == 4
    [modules] = scaled("digits", "modules=9")
    assert modules.preset.method.modules == 9
    assert modules.tasks is None


@pytest.mark.parametrize(
    ("depth", "conv", "dense"),
    [(1, 0, 1), (2, 1, 1), (3, 2, 1), (4, 3, 1), (5, 3, 2), (7, 3, 4)],
)
def test_depth_repeats_the_last_unit_that_the_image_has_room_for(depth, conv, dense):
    marks = 'network.conv_sharing=["shared", "routed"]'
    [case] = scaled("digits", f"depth={depth}", marks)
    network = case.preset.network
    assert network.conv == (16, 32, 32)[:conv]
    assert network.conv_marks == ("shared", "routed", "routed")[:conv]
    assert network.dense == (32,) * dense
    [case] = scaled("planted", f"depth={depth}")
    assert case.preset.network.widths == (64,) * depth


@pytest.fixture
def job() -> BenchJob:
    [one] = plan(Wish(("digits",)))
    return one


def script(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(("import json, os, signal, sys, time", *lines))]


TELL = "tell = lambda **facts: print(json.dumps(facts), flush=True)"


def test_the_process_gets_the_job_and_the_environment_of_a_trainer(job):
    code = script(TELL, "tell(kind='job', job=json.load(sys.stdin), env=dict(os.environ))",
                  "tell(kind='end')")  # fmt: skip
    [message] = listen(job, lambda: 0, command=code)
    assert BenchJob.model_validate(message["job"], strict=False) == job
    assert message["env"]["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (["sys.exit('torch is\\x1b broken')"], RunFailedError, "code 1; .*\n  torch is.x1b broken"),
        (["os.kill(os.getpid(), 9)"], RunFailedError, "killed by signal 9"),
        (["print('{\"kind\": \"ro', end='')"], RunFailedError, "exit code 0"),
        ([TELL, "tell(kind='error', message='no CUDA')", "sys.exit(2)"], UsageError, "no CUDA"),
    ],
)
def test_a_process_that_ends_badly_is_told(job, lines, error, message):
    with pytest.raises(error, match=message):
        list(listen(job, lambda: 0, command=script(*lines)))


def test_the_first_interrupt_is_passed_on_and_the_second_ends_it(job):
    polite = script(TELL, "signal.signal(2, lambda *_: (tell(kind='end'), sys.exit()))",
                    "tell(kind='row', pid=os.getpid())", "time.sleep(60)")  # fmt: skip
    pressed = [0]
    heard = []
    for message in listen(job, lambda: pressed[0], command=polite):
        heard.append(message["kind"])
        pressed[0] = 1
    assert heard == ["row"]
    deaf = script(TELL, "signal.signal(2, signal.SIG_IGN)", "tell(kind='row', pid=os.getpid())",
                  "time.sleep(60)")  # fmt: skip
    pressed[0] = 0
    for message in listen(job, lambda: pressed[0], command=deaf):
        pid = message["pid"]
        pressed[0] = 2
    assert_gone(pid)


def test_an_interrupt_before_anything_was_told_ends_it_at_once(job):
    began = time.monotonic()
    assert list(listen(job, lambda: 1, command=script("time.sleep(60)"))) == []
    assert time.monotonic() - began < 20


def test_nobody_listening_ends_the_process(job):
    told = listen(job, lambda: 0, command=script(TELL, "tell(kind='row', pid=os.getpid())",
                                                 "time.sleep(60)"))  # fmt: skip
    pid = next(told)["pid"]
    told.close()
    assert_gone(pid)


def assert_gone(pid: int) -> None:
    """A process that was waited for has no number any more."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
