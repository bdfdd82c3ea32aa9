"""What the study of tree sampling compares, and on what."""

from __future__ import annotations

from typing import NamedTuple

import torch

from shareconsole.spec.toml import load_preset

CPU = torch.device("cpu")
REFERENCE = "independent 8"
CASES = {
    "digits": ("digits",),
    "planted": ("planted",),
    "omniglot T=20 K=20 28x28": (
        "lws-omniglot",
        "data.alphabets=20",
        "data.size=28",
        "method.modules=20",
    ),
}
LEARNABLE = ("digits", "planted")
"""What the variance of the gradient estimates is measured on."""


class Variant(NamedTuple):
    """How many assignments each half draws, and how."""

    nes: int
    sgd: int
    branching: str | int = ""

    def overrides(self, num_routed: int) -> list[str]:
        """Settings of the preset; a number stands for a list that repeats it."""
        counts = [f"method.nes_samples={self.nes}", f"method.sgd_samples={self.sgd}"]
        if not self.branching:
            return counts
        branching = self.branching
        if isinstance(branching, int):
            branching = str([branching] * num_routed)
        return [*counts, "method.sampling=tree", f"method.branching={branching}"]


VARIANTS = {
    REFERENCE: Variant(8, 8),
    "independent 4": Variant(4, 4),
    "independent 16": Variant(16, 16),
    "tree 8": Variant(8, 8, "auto"),
    "tree 16": Variant(16, 16, "auto"),
    "tree 64/8": Variant(64, 8, "auto"),
    "tree 64/16": Variant(64, 16, "auto"),
    "8 paths, 64 members": Variant(64, 8, 8),
}


FEW = (REFERENCE, "tree 8", "tree 16")


class Contest(NamedTuple):
    """Which variants are trained, the reference first, and with which seeds."""

    variants: tuple[str, ...] = tuple(name for name in VARIANTS if name != "independent 4")
    seeds: range = range(20, 25)


CONTESTS = {
    "digits": Contest(),
    "planted": Contest(),
    "dkl-kannada": Contest(FEW),
    "omniglot-small": Contest(FEW, range(20, 23)),
}
"""Whose test errors at equal time are compared; the larger ones by fewer variants."""


def preset_of(case: str, variant: str, engine: str, seed: int = 0):
    """A case under a variant."""
    source, *overrides = CASES.get(case, (case,))
    overrides += [f"device.engine={engine}", "device.device=cpu", f"run.seed={seed}"]
    plain = load_preset(source, overrides).preset
    routed = len(plain.network.routed_work(plain.data.shape().input_shape))
    return load_preset(source, [*overrides, *VARIANTS[variant].overrides(routed)]).preset
