"""Where a measurement was made."""

from __future__ import annotations

import os
import platform

import torch

from shareconsole import __version__
from shareconsole.spec.bench import Machine
from shareconsole.trainer.bench.peak import gemm_gflops
from shareconsole.trainer.device import describe_device

_VARIABLES = ("MALLOC_", "OMP_", "MKL_", "KMP_", "GOMP_", "GLIBC_TUNABLES", "CUDA_")


def this_machine(device: torch.device, dtype: torch.dtype) -> Machine:
    """Describe it, and measure its matrix product."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=platform.platform(),
        python=platform.python_version(),
        torch=torch.__version__,
        shareconsole=__version__,
        device=describe_device(device),
        environment={
            name: value for name, value in sorted(os.environ.items()) if name.startswith(_VARIABLES)
        },
        load=os.getloadavg()[0],
        gemm_gflops=gemm_gflops(device, dtype),
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    except OSError:  # not Linux: the name of the architecture has to do
        pass
    return platform.processor() or platform.machine()
