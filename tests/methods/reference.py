"""Learned sharing once more, from the formulas, in numpy and stock modules.

Nothing here uses the code under test: the assignment update, utilities, gradient normalisation
and Adam are numpy; forward, backward and running statistics come from one plain module per
(unit, candidate) called once per sample and task.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn


def utilities(losses: np.ndarray) -> np.ndarray:
    """Utilities [S] in [-1, 1]; members of equal loss share the mean of their ranks."""
    num = len(losses)
    order = sorted(range(num), key=lambda j: -losses[j])
    ranks = np.empty(num)
    i = 0
    while i < num:
        j = i
        while j < num and losses[order[j]] == losses[order[i]]:
            j += 1
        for member in order[i:j]:
            ranks[member] = np.mean(range(i, j))
        i = j
    return 2 * ranks / (num - 1) - 1


def updated_pi(
    pi: np.ndarray,
    members: np.ndarray,
    losses: np.ndarray,
    counts: np.ndarray,
    rate: float,
    floor: float,
    credit: str,
) -> np.ndarray:
    """pi [L, T, K] after one NES update; losses [S, T] are means over counts [T] images."""
    num_samples, num_routed, num_tasks = members.shape
    change = np.zeros_like(pi)
    joint = utilities([sum(row * counts) / sum(counts) for row in losses])
    for task in range(num_tasks):
        u = utilities(losses[:, task]) if credit == "per_task" else joint
        for unit in range(num_routed):
            for s in range(num_samples):
                onehot = np.zeros(pi.shape[2])
                onehot[members[s, unit, task]] = 1
                change[unit, task] += u[s] * (onehot - pi[unit, task]) / num_samples
    raised = np.maximum(pi + rate * change, floor)
    return raised / raised.sum(2, keepdims=True)


class Adam:
    """Kingma & Ba 2015, algorithm 1, on one array, with a step count of its own."""

    def __init__(self, value: np.ndarray) -> None:
        self.value = value.copy()
        self.m = np.zeros_like(value)
        self.v = np.zeros_like(value)
        self.t = 0

    def step(self, gradient: np.ndarray, rate: float) -> None:
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        m_hat = self.m / (1 - 0.9**self.t)
        v_hat = self.v / (1 - 0.999**self.t)
        self.value = self.value - rate * m_hat / (np.sqrt(v_hat) + 1e-8)


class ReferenceModel:
    """Stock modules of a run, by (unit, candidate) and ("head", task), and an Adam for each."""

    def __init__(self, bank) -> None:
        self.marks = bank.marks
        self.num_tasks = bank.num_tasks
        self.modules: dict[tuple[object, int], nn.Module] = {}
        for unit, candidates in enumerate(bank.units):
            for k, module in enumerate(candidates):
                self.modules[unit, k] = copy.deepcopy(module)
        for task, head in enumerate(bank.heads):
            self.modules["head", task] = copy.deepcopy(head)
        self.adams = {
            (key, name): Adam(p.detach().numpy())
            for key, module in self.modules.items()
            for name, p in module.named_parameters()
        }

    def keys(self, task: int, assignment: np.ndarray) -> list[tuple[object, int]]:
        """Modules that one task uses under an assignment [L, T]."""
        used, routed = [], 0
        for unit, mark in enumerate(self.marks):
            if mark == "routed":
                used.append((unit, int(assignment[routed, task])))
                routed += 1
            else:
                used.append((unit, 0 if mark == "shared" else task))
        return [*used, ("head", task)]

    def loss(self, task: int, assignment: np.ndarray, x, y) -> torch.Tensor:
        """Mean cross-entropy of one task over its labelled images, written out."""
        for key in self.keys(task, assignment):
            x = self.modules[key](x)
        known = y >= 0
        log_p = x[known] - torch.logsumexp(x[known], 1, keepdim=True)
        return -log_p[torch.arange(int(known.sum())), y[known]].mean()

    def evaluate(self, members: np.ndarray, xs, ys) -> np.ndarray:
        """Losses [S, T] in eval mode."""
        for module in self.modules.values():
            module.eval()
        losses = np.zeros((len(members), self.num_tasks))
        with torch.no_grad():
            for s, assignment in enumerate(members):
                for task in range(self.num_tasks):
                    if (ys[task] >= 0).any():
                        losses[s, task] = self.loss(task, assignment, xs[task], ys[task])
        return losses

    def descend(self, samples: np.ndarray, pi: np.ndarray, xs, ys, rate: float):
        """One SGD update; returns losses [S, T], and the norm of the gradient taken."""
        for module in self.modules.values():
            module.train()
        sums: dict[tuple[tuple[object, int], str], np.ndarray] = {}
        losses = np.zeros((len(samples), self.num_tasks))
        for s, assignment in enumerate(samples):
            for task in range(self.num_tasks):
                if not (ys[task] >= 0).any():
                    continue
                loss = self.loss(task, assignment, xs[task], ys[task])
                losses[s, task] = loss.item()
                names, parameters = [], []
                for key in self.keys(task, assignment):
                    for name, p in self.modules[key].named_parameters():
                        names.append((key, name))
                        parameters.append(p)
                for name, g in zip(names, torch.autograd.grad(loss, parameters), strict=True):
                    sums[name] = sums.get(name, 0) + g.numpy()
        square = 0.0
        routed = [u for u, mark in enumerate(self.marks) if mark == "routed"]
        for (key, name), total in sums.items():
            unit, k = key
            if unit in routed:
                divisor = len(samples) * pi[routed.index(unit), :, k].sum()
            elif unit != "head" and self.marks[unit] == "shared":
                divisor = len(samples) * self.num_tasks
            else:
                divisor = len(samples)
            gradient = total / divisor
            square += (gradient**2).sum()
            adam = self.adams[key, name]
            adam.step(gradient, rate)
            with torch.no_grad():
                parameter = dict(self.modules[key].named_parameters())[name]
                parameter.copy_(torch.from_numpy(np.asarray(adam.value)))
        return losses, np.sqrt(square)
