"""Train: step, log, evaluate, checkpoint, and obey requests between steps."""

from __future__ import annotations

import errno
import math
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from shareconsole.errors import RunFailedError, UsageError
from shareconsole.sharing.method import Stopwatch
from shareconsole.store.atomic import StoreError
from shareconsole.store.best import Best, best_on_record
from shareconsole.store.checkpoints import without_them
from shareconsole.store.heartbeat import Flag
from shareconsole.store.stages import start_of
from shareconsole.trainer.checkpoint import load_newest, save_checkpoint
from shareconsole.trainer.columns import as_recorded, log_schemas, step_values
from shareconsole.trainer.evaluate import evaluate
from shareconsole.trainer.journal import DISK_FULL
from shareconsole.trainer.manifest import InexactResumeError
from shareconsole.trainer.signals import StopNow
from shareconsole.trainer.stages import Stages
from shareconsole.trainer.steering import Steering

if TYPE_CHECKING:
    from shareconsole.sharing.method import StepResult
    from shareconsole.store.folder import RunFolder
    from shareconsole.trainer.build import Experiment
    from shareconsole.trainer.journal import Journal
    from shareconsole.trainer.manifest import Surroundings
    from shareconsole.trainer.signals import StopSignals

POLL_SECONDS = 0.1
"""How often a paused run looks for requests."""

RETRY_SECONDS = 1.0
"""How often a checkpoint that must be saved is tried on a full disk."""


class DivergedError(RunFailedError):
    """A loss or a gradient is not a number any more."""


class _Made(NamedTuple):
    """A step that is made, or on a GPU queued, and not logged yet."""

    step: int
    result: StepResult
    watch: Stopwatch
    elapsed: float
    step_size: dict[str, float]


class Trainer:
    """One attempt at a run, from its last checkpoint (or from nothing) to its last step."""

    def __init__(
        self,
        folder: RunFolder,
        experiment: Experiment,
        journal: Journal,
        surroundings: Surroundings,
        signals: StopSignals,
    ) -> None:
        """Prepare; training begins with `run`."""
        self.folder = folder
        self.experiment = experiment
        self.journal = journal
        self.surroundings = surroundings
        self.settings = experiment.preset.train
        self.step = 0
        self._elapsed = 0.0
        self._started_at = time.perf_counter()
        self._saved_step: int | None = None
        self._signals = signals
        self._steering = Steering(folder, journal, signals)
        self._warned_of_nan = False
        self._made: deque[_Made] = deque()
        self._logging_seconds = 0.0
        self._overlaps = experiment.device.type == "cuda"
        self._stages = Stages(experiment.preset.method, journal.attempt.steps)
        self._best = Best()

    def run(self, *, allow_inexact: bool) -> str:
        """Train to the end, or until somebody wants it to stop.

        Returns:
            "finished" or "stopped"; errors are the caller's to record.

        Raises:
            DivergedError: A loss became NaN and the preset says to fail then.
            InexactResumeError: The checkpoint does not fit these surroundings.
        """
        try:
            self._signals.armed = True
            self._restore(allow_inexact)
            self._open_records()
            self._train()
            self._checkpoint(insist=True)
            self._signals.armed = False
        except StopNow:
            self._log_steps()
            print(f"stopped at once after step {self.step}", flush=True)
        finished = self.step >= self.journal.attempt.steps and self._saved_step == self.step
        reason = "finished" if finished else "stopped"
        self.journal.event(reason, step=self.step)
        return reason

    def _train(self) -> None:
        settings, steps = self.settings, self.journal.attempt.steps
        while self.step < steps and not self._obey():
            self._stages.announce(self.step, self.journal)
            watch = Stopwatch()
            try:
                result = self.experiment.method.step(
                    self.experiment.sampler, self.experiment.step_size, watch
                )
            except Exception:
                self._log_steps()  # what was made before the error is on record
                raise
            self.step += 1
            last = self.step == steps or self.step in self._stages.ends
            evaluates = last or self.step % settings.eval_every == 0
            saves = self.step < steps and self.step % settings.checkpoint_every == 0
            scalars = self.experiment.step_size.scalars()
            self._made.append(_Made(self.step, result, watch, self._elapsed_seconds(), scalars))
            logged = self._log_steps(1 if self._overlaps and not evaluates and not saves else 0)
            start = time.perf_counter()
            if evaluates or self.step % settings.assignment_every == 0:
                self._log_tensors()
            self.journal.stepped(self.step)
            self.journal.check()
            self._logging_seconds += time.perf_counter() - start
            self._check(logged)
            if evaluates:
                self._evaluate()
            if saves:
                self._checkpoint(insist=False)

    def _log_steps(self, all_but: int = 0) -> list[_Made]:
        """Log the steps made, but for the last `all_but`; returns what was logged.

        On a GPU the newest step may still be in the making; to wait for its numbers would leave the
        device without work, so they are logged when the next step has been queued behind it.
        """
        logged = []
        while len(self._made) > all_but:
            made = self._made[0]  # taken away once it is written: a signal may come in between
            start = time.perf_counter()
            seconds = {**made.watch.seconds, "logging": self._logging_seconds}
            members = self.experiment.method.population_size
            values = step_values(made.result, members, made.step_size, seconds, made.elapsed)
            self.journal.row("step", made.step, values)
            logged.append(self._made.popleft())
            self._logging_seconds = time.perf_counter() - start
        return logged

    def _check(self, logged: list[_Made]) -> None:
        for made in logged:
            if made.result.diverged:
                self._diverged(self._what_diverged(made.result), made.step)

    def _obey(self) -> bool:
        """Do what is asked between two steps; True if training should stop."""
        self._steering.take()
        if self._steering.stop or self._steering.paused or self._steering.checkpoints:
            self._check(self._log_steps())
        self._answer_checkpoints()
        waiting_since = time.perf_counter()
        waited = False
        while not self._steering.stop and (self._steering.paused or self.journal.blocked):
            waited = True
            time.sleep(POLL_SECONDS)
            self.journal.retry()
            self.journal.check()
            self._steering.take()
            self._answer_checkpoints()
            self.journal.skip_time()
        if waited:
            self._started_at += time.perf_counter() - waiting_since
        if self.journal.waiting:
            self.journal.retry()
        return self._steering.stop

    def _answer_checkpoints(self) -> None:
        for request in self._steering.checkpoints:
            request.done("saved" if self._checkpoint(insist=False) else "failed")
        self._steering.checkpoints.clear()

    def _breathe(self) -> None:
        """Between two passes of an evaluation."""
        self.journal.check()
        self._steering.take_only_stop_now()

    # -- what is written -----------------------------------------------------------------------

    def _open_records(self) -> None:
        experiment, attempt = self.experiment, self.journal.attempt
        device = self.surroundings.device
        schemas = log_schemas(experiment, attempt.number, self.step, attempt.steps, device)
        self.journal.open_records(*schemas)
        at_once, tasks = experiment.tasks_per_chunk, experiment.data.num_tasks
        chunk = f" ({at_once} at a time)" if at_once < tasks else ""
        print(
            f"{experiment.population.bank.num_parameters():,} parameters, "
            f"{tasks} tasks{chunk}, {device}, {experiment.engine} engine, "
            f"from step {self.step:,} to {attempt.steps:,}",
            flush=True,
        )
        for notice in experiment.notices:
            self.journal.event("warning", message=notice)
        if self.step == 0:
            self._log_tensors()
        self.journal.write_status()

    def _log_tensors(self) -> None:
        for kind, tensor in self.experiment.method.tensors().items():
            array = tensor.to(torch.float32).cpu().numpy()
            self.journal.tensor(kind, self.step, np.ascontiguousarray(array))

    def _evaluate(self) -> None:
        with self.journal.flagged(Flag.EVALUATING):
            scores = evaluate(self.experiment, self._breathe)
            self.journal.row("evaluation", self.step, [*scores.values(), self._elapsed_seconds()])
            self.journal.repeat_schemas()
        macro, micro = (
            as_recorded(self.experiment, scores[name]) for name in ("macro_error", "micro_error")
        )
        self._best = self._best.after(macro, start_of(self._stages.starts, self.step))
        self.journal.evaluated(macro, micro, best_macro=self._best.error)
        print(
            f"step {self.step:,}: macro error {scores['macro_error']:.2%}, "
            f"micro error {scores['micro_error']:.2%}",
            flush=True,
        )
        # Weights that the last update ruined show only here. A task that labels no test image has
        # no error either, which is no sign of that.
        bad = [
            name
            for name in self.experiment.data.task_names
            if math.isnan(scores[f"test_loss.{name}"])
            and not math.isnan(scores[f"test_error.{name}"])
        ]
        if bad:
            self._diverged(f"the test loss of task {', '.join(bad)} is NaN", self.step)

    def _what_diverged(self, result: StepResult) -> str:
        names = self.experiment.data.task_names
        bad = [n for n, x in zip(names, result.loss_T.tolist(), strict=True) if math.isnan(x)]
        if bad:
            return f"the loss of task {', '.join(bad)} is NaN"
        if not math.isfinite(result.gradient_norm):
            return "the gradient is not finite"
        return "the fitness of the population is NaN"

    def _diverged(self, what: str, step: int) -> None:
        message = f"{what} at step {step}"
        if self.settings.on_nan == "fail":
            raise DivergedError(f"{message} (train.on_nan = 'continue' trains on)")
        if not self._warned_of_nan:
            self._warned_of_nan = True
            self.journal.event("warning", message=f"{message}; on_nan = 'continue'")

    def _elapsed_seconds(self) -> float:
        """Seconds spent training up to here, over all attempts, pauses left out."""
        return self._elapsed + time.perf_counter() - self._started_at

    # -- checkpoints ---------------------------------------------------------------------------

    def _checkpoint(self, *, insist: bool) -> bool:
        """Save a checkpoint; if the disk is full, wait for space (`insist`) or warn and go on."""
        if self._saved_step == self.step:
            return True
        self._check(self._log_steps())
        state = {
            "step": self.step,
            "elapsed_seconds": self._elapsed_seconds(),
            "errors": list(self.journal.errors),
            "experiment": self.experiment.state_dict(),
        }
        with self.journal.flagged(Flag.SAVING):
            while not self._save(state, warn=not insist):
                if not insist:
                    return False
                self.journal.checkpoint_waits(True)
                time.sleep(RETRY_SECONDS)
                self._steering.take_only_stop_now()
        self.journal.checkpoint_waits(False)
        self._saved_step = self.step
        self.journal.event("checkpoint_saved", step=self.step)
        return True

    def _save(self, state: dict[str, object], *, warn: bool) -> bool:
        """Save a checkpoint after all records before it; False if the disk is full."""
        try:
            self.journal.retry()
            if not self.journal.sync():
                # A resume from this checkpoint would leave a hole in the records.
                raise OSError(errno.ENOSPC, "records still wait for the disk")
            number = self.journal.attempt.number
            save_checkpoint(self.folder, self.step, number, state, self.surroundings)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            if warn:
                message = f"checkpoint of step {self.step} not saved: {error.strerror}"
                self.journal.event("warning", message=message)
            return False
        return True

    def _restore(self, allow_inexact: bool) -> None:
        """Continue from the newest good checkpoint, if there is one."""
        try:
            loaded = load_newest(
                self.folder,
                lambda name, reason: self.journal.event(
                    "checkpoint_rejected", name=name, reason=reason
                ),
            )
        except StoreError as error:
            raise UsageError(f"{error}; {without_them(self.folder)}") from error
        if loaded is not None:
            state, manifest = loaded
            misfits = self.experiment.misfits(state["experiment"])
            if misfits:
                raise UsageError(
                    f"what is trained on has changed too much to go on from step "
                    f"{manifest.step:,} ({'; '.join(misfits)}); put back what differs"
                )
            differences = [
                *manifest.surroundings.differences(self.surroundings),
                *self.experiment.differences(state["experiment"]),
            ]
            if differences:
                text = "; ".join(differences)
                if not allow_inexact:
                    raise InexactResumeError(
                        f"resuming would not repeat the run bit for bit ({text}); "
                        "put back what differs, or --allow-inexact resumes anyway and records it"
                    )
            self.experiment.load_state_dict(state["experiment"])
            if differences:
                self.journal.event("warning", message=f"resumed, not bit-exact: {text}")
            self.step = state["step"]
            self._elapsed = state["elapsed_seconds"]
            macro, micro = state["errors"]
            self.journal.errors = (macro, micro)
            self._saved_step = self.step
        else:
            # What an attempt before this one found was of networks that are gone.
            self.journal.errors = (None, None)
        starts = self._stages.starts
        self._best = best_on_record(self.folder, until=self.step, starts=starts)
        self.journal.best_error = self._best.error
        self.journal.amend(resume_from_step=self.step, device=self.surroundings.device)
        if self.journal.attempt.number > 1:
            self.journal.event("resumed_from", step=self.step)
        self.journal.step = self.step
        self._started_at = time.perf_counter()
        self.journal.skip_time()
