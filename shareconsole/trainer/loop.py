"""Train: step, log, evaluate, checkpoint, and obey requests between steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from shareconsole.errors import RunFailedError, UsageError
from shareconsole.sharing.method import TENSOR_AXES, Stopwatch
from shareconsole.store.control import ControlInbox
from shareconsole.store.heartbeat import Flag
from shareconsole.store.records import LogSchema, TableSchema, TensorSchema
from shareconsole.trainer.checkpoint import load_newest, save_checkpoint
from shareconsole.trainer.evaluate import evaluate, evaluation_columns
from shareconsole.trainer.journal import DISK_FULL
from shareconsole.trainer.signals import StopNow

if TYPE_CHECKING:
    from shareconsole.sharing.method import StepResult
    from shareconsole.store.control import Request
    from shareconsole.store.folder import RunFolder
    from shareconsole.trainer.build import Experiment
    from shareconsole.trainer.journal import Journal
    from shareconsole.trainer.manifest import Surroundings
    from shareconsole.trainer.signals import StopSignals

PARTS = ("data", "nes", "sgd", "logging")
"""What a step's seconds are split into; `logging` is that of the step before."""

POLL_SECONDS = 0.1
"""How often a paused run looks for requests."""


class DivergedError(RunFailedError):
    """A loss became NaN."""


class InexactResumeError(UsageError):
    """The checkpoint was made in other surroundings and nobody allowed an inexact resume."""


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
        self._resumed_at = time.perf_counter()
        self._saved_step: int | None = None
        self._inbox = ControlInbox(folder)
        self._postponed: list[Request] = []
        self._signals = signals
        self._stop = False
        self._paused = False
        self._warned_of_nan = False

    def run(self, *, allow_inexact: bool) -> str:
        """Train to the end, or until somebody wants it to stop.

        Returns:
            "finished" or "stopped"; errors are the caller's to record.

        Raises:
            DivergedError: A loss became NaN and the preset says to fail then.
        """
        try:
            self._signals.armed = True
            self._restore(allow_inexact)
            self._open_records()
            self._train()
            if not self._finished:
                self._checkpoint(insist=True)
        except StopNow:
            print(f"stopped at once at step {self.step}, without a checkpoint", flush=True)
        self._signals.ignore()
        reason = "finished" if self._finished else "stopped"
        self.journal.event(reason, step=self.step)
        return reason

    @property
    def _finished(self) -> bool:
        return self.step >= self.journal.attempt.steps and self._saved_step == self.step

    def _train(self) -> None:
        settings, steps = self.settings, self.journal.attempt.steps
        logging_seconds = 0.0
        while self.step < steps and not self._obey():
            watch = Stopwatch()
            result = self.experiment.method.step(
                self.experiment.sampler, self.experiment.step_size, watch
            )
            self.step += 1
            start = time.perf_counter()
            self._log(result, {**watch.seconds, "logging": logging_seconds})
            last = self.step == steps
            evaluates = last or self.step % settings.eval_every == 0
            if evaluates or self.step % settings.assignment_every == 0:
                self._log_tensors()
            self.journal.stepped(self.step)
            self.journal.check()
            logging_seconds = time.perf_counter() - start
            if result.diverged:
                self._diverged(result)
            if evaluates:
                self._evaluate()
            if last:
                self._checkpoint(insist=True)
            elif self.step % settings.checkpoint_every == 0:
                self._checkpoint(insist=False)

    # -- requests ------------------------------------------------------------------------------

    def _obey(self) -> bool:
        """Do what is asked between two steps; True if training should stop."""
        self._take_requests()
        while not self._stop and (self._paused or self.journal.blocked):
            time.sleep(POLL_SECONDS)
            self.journal.retry()
            self.journal.check()
            self._take_requests()
            self.journal.skip_time()
        if self.journal.waiting:
            self.journal.retry()
        return self._stop

    def _take_requests(self) -> None:
        if self._signals.requested and not self._stop:
            self.journal.event("stop_requested", now=False, source="signal")
            self._request_stop()
        requests = [*self._postponed, *self._inbox.poll()]
        self._postponed.clear()
        for request in requests:
            if request.verb == "stop":
                now = bool(request.data.get("now"))
                request.done("stopping")
                self.journal.event("stop_requested", now=now, source="request")
                if now:
                    raise StopNow
                self._request_stop()
            elif request.verb in ("pause", "resume"):
                pause = request.verb == "pause"
                if pause != self._paused:
                    self._paused = pause
                    self.journal.flag(Flag.PAUSED, pause)
                    self.journal.event("paused" if pause else "continued", step=self.step)
                request.done("paused" if pause else "running")
            else:
                saved = self._checkpoint(insist=False)
                request.done("saved" if saved else "failed")

    def _request_stop(self) -> None:
        self._stop = True
        self.journal.flag(Flag.STOPPING, True)

    def _breathe(self) -> None:
        """Between two passes of an evaluation only "stop now" is obeyed; the rest can wait."""
        self.journal.check()
        self._postponed += self._inbox.poll()
        if any(r.verb == "stop" and r.data.get("now") for r in self._postponed):
            self._take_requests()

    # -- what is written -----------------------------------------------------------------------

    def _open_records(self) -> None:
        experiment = self.experiment
        bank, data, method = experiment.population.bank, experiment.data, experiment.method
        kind = "f8" if experiment.preset.device.dtype == "float64" else "f4"
        columns = [(f"loss.{name}", kind) for name in data.task_names]
        columns += [(f"fitness.{j}", kind) for j in range(method.population_size)]
        columns += [("gradient_norm", kind), *((f"{part}_seconds", "f4") for part in PARTS)]
        columns += [("elapsed_seconds", "f8")]
        evaluation = [(name, kind) for name in evaluation_columns(experiment)]
        labels = {
            "unit": bank.routed_names,
            "task": data.task_names,
            "module": tuple(module_name(k) for k in range(bank.num_modules)),
        }
        tensors = []
        for name in method.tensors():
            axes = tuple(labels[axis] for axis in TENSOR_AXES[name])
            tensors.append(TensorSchema(name, "f4", tuple(len(axis) for axis in axes), axes))
        meta: dict[str, object] = {
            "tasks": [
                {"name": name, "classes": classes}
                for name, classes in zip(data.task_names, data.num_classes, strict=True)
            ],
            "units": bank.describe(),
            "parameters": bank.num_parameters(),
            "groups": data.groups,
            "device": self.surroundings.device,
        }
        tables = (
            TableSchema("step", tuple(columns)),
            TableSchema("evaluation", (*evaluation, ("elapsed_seconds", "f8"))),
        )
        attempt = self.journal.attempt.number
        self.journal.open_records(
            LogSchema(attempt, self.step, tables, (), meta),
            LogSchema(attempt, self.step, (), tuple(tensors), meta),
        )
        print(
            f"{bank.num_parameters():,} parameters, {data.num_tasks} tasks, "
            f"{self.surroundings.device}, from step {self.step} to {self.journal.attempt.steps}",
            flush=True,
        )
        if self.step == 0:
            self._log_tensors()
        self.journal.write_status()

    def _log(self, result: StepResult, seconds: dict[str, float]) -> None:
        values: list[float] = result.loss_T.tolist()
        if result.fitness_S is not None:
            values += result.fitness_S.tolist()
        values.append(result.gradient_norm)
        values += [seconds.get(part, 0.0) for part in PARTS]
        values.append(self._elapsed_seconds())
        self.journal.row("step", self.step, values)

    def _log_tensors(self) -> None:
        for kind, tensor in self.experiment.method.tensors().items():
            array = tensor.to(torch.float32).cpu().numpy()
            self.journal.tensor(kind, self.step, np.ascontiguousarray(array))

    def _evaluate(self) -> None:
        self.journal.flag(Flag.EVALUATING, True)
        scores = evaluate(self.experiment, self._breathe)
        self.journal.row("evaluation", self.step, [*scores.values(), self._elapsed_seconds()])
        self.journal.repeat_schemas()
        self.journal.errors = (scores["macro_error"], scores["micro_error"])
        self.journal.flag(Flag.EVALUATING, False)
        self.journal.skip_time()
        self.journal.write_status()
        print(
            f"step {self.step}: macro error {scores['macro_error']:.2%}, "
            f"micro error {scores['micro_error']:.2%}",
            flush=True,
        )

    def _diverged(self, result: StepResult) -> None:
        names = self.experiment.data.task_names
        bad = [n for n, x in zip(names, result.loss_T.tolist(), strict=True) if x != x]
        where = f"task {', '.join(bad)}" if bad else "the population's fitness"
        message = f"loss of {where} is NaN at step {self.step}"
        if self.settings.on_nan == "fail":
            raise DivergedError(f"{message} (train.on_nan = 'continue' trains on)")
        if not self._warned_of_nan:
            self._warned_of_nan = True
            self.journal.event("warning", message=f"{message}; on_nan = 'continue'")

    def _elapsed_seconds(self) -> float:
        """Seconds spent training up to here, over all attempts."""
        return self._elapsed + time.perf_counter() - self._resumed_at

    # -- checkpoints ---------------------------------------------------------------------------

    def _checkpoint(self, *, insist: bool) -> bool:
        """Save a checkpoint; if the disk is full, wait for space (`insist`) or warn and go on."""
        if self._saved_step == self.step:
            return True
        state = {
            "step": self.step,
            "elapsed_seconds": self._elapsed_seconds(),
            "errors": list(self.journal.errors),
            "experiment": self.experiment.state_dict(),
        }
        while True:
            try:
                self.journal.sync()  # records first, so that a resume leaves no hole
                save_checkpoint(
                    self.folder, self.step, self.journal.attempt.number, state, self.surroundings
                )
                break
            except OSError as error:
                if error.errno not in DISK_FULL:
                    raise
                self.journal.flag(Flag.DISK_FULL, True)
                if not insist:
                    message = f"checkpoint of step {self.step} not saved: {error.strerror}"
                    self.journal.event("warning", message=message)
                    return False
                time.sleep(1)
                self._take_requests()
        self.journal.retry()
        self._saved_step = self.step
        self.journal.event("checkpoint_saved", step=self.step)
        self.journal.skip_time()
        return True

    def _restore(self, allow_inexact: bool) -> None:
        """Continue from the newest good checkpoint, if there is one."""
        loaded = load_newest(
            self.folder,
            lambda name, reason: self.journal.event(
                "checkpoint_rejected", name=name, reason=reason
            ),
        )
        if loaded is not None:
            state, manifest = loaded
            differences = manifest.surroundings.differences(self.surroundings)
            if differences:
                text = "; ".join(differences)
                if not allow_inexact:
                    raise InexactResumeError(
                        f"resuming would not repeat the run bit for bit ({text}); "
                        "--allow-inexact resumes anyway and records it"
                    )
                self.journal.event("warning", message=f"resumed, not bit-exact: {text}")
            self.experiment.load_state_dict(state["experiment"])
            self.step = state["step"]
            self._elapsed = state["elapsed_seconds"]
            macro, micro = state["errors"]
            self.journal.errors = (macro, micro)
            self._saved_step = self.step
        self.journal.amend(resume_from_step=self.step, device=self.surroundings.device)
        if self.journal.attempt.number > 1:
            self.journal.event("resumed_from", step=self.step)
        self.journal.step = self.step
        self._resumed_at = time.perf_counter()
        self.journal.skip_time()


def module_name(index: int) -> str:
    """Letters for a module: a, b, ..., z, aa, ab, ..."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("a") + rest) + name
    return name
