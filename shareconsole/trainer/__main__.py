"""`python -m shareconsole.trainer RUN_FOLDER`: train the run in a folder.

Exit codes: 0 finished or stopped, 1 failed, 2 refused, which leaves the run as it was, 3 another
trainer has this run. Torch is imported only after the attempt is on record, so that whoever started
this process hears of it at once.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from shareconsole.errors import ShareconsoleError, UsageError
from shareconsole.spec.checks import predict
from shareconsole.spec.toml import parse_resolved
from shareconsole.store.attempts import (
    REFUSED,
    Attempt,
    AttemptExit,
    create_attempt,
    end_attempt,
    read_attempts,
)
from shareconsole.store.checkpoints import checkpoint_directories
from shareconsole.store.clock import utc_now
from shareconsole.store.control import ControlInbox
from shareconsole.store.folder import RunFolder
from shareconsole.store.lock import RunLock
from shareconsole.store.process import this_process
from shareconsole.trainer.journal import Journal
from shareconsole.trainer.manifest import (
    InexactResumeError,
    current_surroundings,
    newest_manifest,
)
from shareconsole.trainer.output import ForgivingStream
from shareconsole.trainer.signals import StopNow, StopSignals

if TYPE_CHECKING:
    from shareconsole.spec.preset import Preset


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, take the lock, train; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shareconsole.trainer")
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--launch-log", help="file that holds this process's output so far")
    parser.add_argument("--steps", type=int, help="train to this step instead of the preset's")
    parser.add_argument("--allow-inexact", action="store_true")
    arguments = parser.parse_args(argv)
    signals = StopSignals()
    folder = RunFolder(arguments.run_folder.resolve())
    try:
        lock = RunLock.acquire(folder)
    except ShareconsoleError as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    with lock:
        try:
            preset = parse_resolved(folder.resolved_toml.read_text("utf-8"))
            attempt = _begin(folder, preset, arguments)
        except ShareconsoleError as error:
            print(error, file=sys.stderr, flush=True)
            return error.exit_code
        try:
            journal = Journal(folder, attempt)
        except OSError as error:
            traceback.print_exc()
            ended = AttemptExit(1, "failed", attempt.resume_from_step or 0, str(error), utc_now())
            end_attempt(folder, attempt, ended)
            return ended.code
        with journal:
            journal.event("attempt_started", steps=attempt.steps, pid=attempt.pid)
            ended = _train(folder, preset, journal, signals)
            journal.conclude(ended, give_up=lambda: signals.requested)
    return ended.code


def _begin(folder: RunFolder, preset: Preset, arguments: argparse.Namespace) -> Attempt:
    """Put a new attempt on record, unless it would have nothing to do or not be exact.

    Raises:
        UsageError: Nothing is left to train, or the resume would not be exact.
    """
    last = _last_attempt(folder)
    steps = arguments.steps or (last.steps if last else preset.train.steps)
    manifest = newest_manifest(folder)
    if manifest is not None:
        if manifest.step >= steps and not _has_only_to_say_so(last, manifest.step):
            raise UsageError(
                f"{folder.id} is at step {manifest.step:,} of {steps:,}: nothing left to train "
                "(--steps N trains it longer)"
            )
        now = current_surroundings(folder, preset.device.threads, _device(preset))
        differences = manifest.surroundings.differences(now)
        if differences and not arguments.allow_inexact:
            raise UsageError(
                f"resuming {folder.id} would not repeat it bit for bit "
                f"({'; '.join(differences)}); --allow-inexact resumes anyway and records it"
            )
    # Whatever lies there was meant for an attempt that has ended.
    ControlInbox(folder).clear("the attempt it was meant for had ended")
    number = folder.next_attempt()
    if arguments.launch_log:
        (folder.path / arguments.launch_log).rename(folder.log(number))
    me = this_process()
    attempt = Attempt(
        number=number,
        pid=me.pid,
        boot_id=me.boot_id,
        start_ticks=me.start_ticks,
        host=me.host,
        argv=tuple(sys.argv),
        started=utc_now(),
        steps=steps,
        resume_from_step=manifest.step if manifest else 0,
        allow_inexact=arguments.allow_inexact,
        device=preset.device.device,
        threads=preset.device.threads,
        torch=version("torch"),
    )
    create_attempt(folder, attempt)
    return attempt


def _last_attempt(folder: RunFolder) -> Attempt | None:
    """The newest attempt whose record can be read, but for those that were refused."""
    readable = [attempt for attempt in read_attempts(folder) if not attempt.refused]
    return readable[-1] if readable else None


def _has_only_to_say_so(last: Attempt | None, step: int) -> bool:
    """Whether the last attempt saved its last checkpoint, but died before its last word."""
    if last is None or last.steps != step:
        return False
    return last.exit is None or last.exit.reason != "finished"


def _device(preset: Preset) -> str:
    """The device as a checkpoint records it. Loads torch, so only a resume asks."""
    from shareconsole.trainer.device import describe_computing, resolve_device

    return describe_computing(preset, resolve_device(preset.device.device))


def _train(
    folder: RunFolder, preset: Preset, journal: Journal, signals: StopSignals
) -> AttemptExit:
    """Train and say how it ended; every error becomes a recorded failure with a traceback."""
    try:
        from shareconsole.trainer.build import build_experiment, load_data
        from shareconsole.trainer.data_digest import data_digest
        from shareconsole.trainer.device import (
            describe_computing,
            fitting_memory,
            resolve_device,
            set_up,
        )
        from shareconsole.trainer.loop import Trainer

        threads = preset.device.threads
        set_up(threads)
        device = resolve_device(preset.device.device)
        rounded_by = describe_computing(preset, device)
        # Before the data are loaded; what is decided here is decided again with them in memory.
        fitting_memory(device, preset, preset.data.shape(), predict(preset).parameters)
        data = load_data(preset)
        surroundings = current_surroundings(folder, threads, rounded_by, data_digest(data))
        experiment = build_experiment(preset, device, data)
        # Where the experiment has its copy on a GPU, this one need not stay.
        del data
        trainer = Trainer(folder, experiment, journal, surroundings, signals)
        reason = trainer.run(allow_inexact=journal.attempt.allow_inexact)
        signals.conclude()
        return AttemptExit(0, reason, journal.step, "", utc_now())
    except (Exception, StopNow) as error:
        signals.conclude()
        if isinstance(error, ShareconsoleError):
            text = str(error)
            print(f"error: {text}", flush=True)
        else:
            text = _one_line(error)
            traceback.print_exc()
        if isinstance(error, UsageError) and _leaves_it_as_it_was(folder, journal):
            inexact = isinstance(error, InexactResumeError)
            journal.event(REFUSED, step=journal.step, error=text)
            code = error.exit_code
            return AttemptExit(code, REFUSED, journal.step, text, utc_now(), inexact)
        journal.event("failed", step=journal.step, error=text)
        return AttemptExit(1, "failed", journal.step, text, utc_now())


def _leaves_it_as_it_was(folder: RunFolder, journal: Journal) -> bool:
    """Whether there is something to go on from, be it damaged, that this attempt did not touch."""
    return bool(checkpoint_directories(folder, broken=True)) and not journal.recording


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


if __name__ == "__main__":
    sys.stdout, sys.stderr = ForgivingStream(sys.stdout), ForgivingStream(sys.stderr)
    code = main()
    StopSignals.ignore_to_the_end()
    sys.exit(code)
