"""torch.compile as this program uses it: what it needs of the machine, and what it leaves behind.

Inductor, torch's own backend, writes C++ and has it compiled. That happens in this process, one
piece of code after another: its pool of helper processes would outlive the step that asked for them
and gain little with so few pieces. What is compiled is kept in torch's cache
(TORCHINDUCTOR_CACHE_DIR, by default a folder of the user's among temporary files), never in the run
folder.
"""

from __future__ import annotations

import subprocess
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import torch

from shareconsole.errors import UsageError

_OPTION = "device.compile"


def compiler_of(device: torch.device) -> str:
    """What compiles for `device`, with its version, on which the rounding of its code depends.

    Raises:
        UsageError: There is nothing that does; the message says what is missing.
    """
    _load()
    if device.type == "cuda":
        try:
            return f"triton {version('triton')}"
        except PackageNotFoundError as error:
            raise UsageError(
                f"{_OPTION}: torch.compile needs the package triton for a GPU, which is not "
                f"installed; allowed: false, or install it"
            ) from error
    search = import_module("torch._inductor.cpp_builder").get_cpp_compiler
    missing = import_module("torch._inductor.exc").InvalidCxxCompiler
    try:
        name: str = search()
    except missing as error:
        raise UsageError(
            f"{_OPTION}: torch.compile needs a C++ compiler, and none was found (g++, or what the "
            "variable CXX names); allowed: false, or install one"
        ) from error
    words = subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout
    # The first line names compiler, distribution and version; what follows is its licence.
    return words.splitlines()[0].strip() if words.strip() else name


def require_compiler(device: torch.device) -> None:
    """Compile something small for `device`, so that what is missing is known before a run begins.

    A compiler alone is not enough: Python's headers and a place to write to are needed as well.

    Raises:
        UsageError: It did not work; the message has the compiler's own words.
    """
    compiler = compiler_of(device)
    errors = import_module("torch._dynamo.exc").TorchDynamoException
    try:
        torch.compile(_small, fullgraph=True, dynamic=False)(torch.zeros(8, device=device))
    except errors as error:
        raise UsageError(
            f"{_OPTION}: {compiler} is there, but torch.compile does not work with it: "
            f"{_reason(str(error))}; allowed: false, or repair that"
        ) from error


def _load() -> None:
    """Load inductor, and keep it in this process."""
    with warnings.catch_warnings():
        # Of a module of torch's own, which inductor imports; nobody here can do anything about it.
        warnings.filterwarnings(
            "ignore", r"`torch\.jit\.script_method` is deprecated", DeprecationWarning
        )
        import_module("torch._inductor.compile_fx")
    config = import_module("torch._inductor.config")
    # torch sets this module up so that its attributes are invisible to type checkers.
    config.compile_threads = 1  # type: ignore[attr-defined]


def _small(x: torch.Tensor) -> torch.Tensor:
    return x.exp() + 1


def _reason(words: str) -> str:
    """The line of a compiler's complaints that says what is wrong, or else the first."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return next((line for line in lines if "error:" in line), lines[0] if lines else "no reason")
