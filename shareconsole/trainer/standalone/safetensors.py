"""The safetensors format: a JSON header, then the numbers.

https://github.com/huggingface/safetensors, "Format": 8 bytes with the length of the header, little
endian; the header, a JSON object from names to {"dtype", "shape", "data_offsets"} and, under
"__metadata__", from text to text; then the tensors' bytes, little endian, without gaps. That is
less code here than a dependency would be.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import torch

from shareconsole.errors import DataDamaged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

_CODES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
_TYPES = {code: dtype for dtype, code in _CODES.items()}
_HEADER_LIMIT = 100 * 10**6


def encode(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A file of tensors, which are float32, float64 or int64."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts = []
    at = 0
    # The widest first, so that all numbers lie at multiples of their size.
    for name, tensor in sorted(tensors.items(), key=lambda item: -item[1].element_size()):
        part = tensor.detach().cpu().contiguous().numpy().tobytes()
        offsets = [at, at + len(part)]
        code = _CODES[tensor.dtype]
        header[name] = {"dtype": code, "shape": [*tensor.shape], "data_offsets": offsets}
        parts.append(part)
        at += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def decode(data: bytes, where: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file.

    Args:
        data: The whole file.
        where: Its name, for messages.

    Raises:
        DataDamaged: It is not of this format, or holds numbers of another type.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(_HEADER_LIMIT, len(data) - 8):
        raise DataDamaged(f"{where}: is no safetensors file, or cut short")
    values = memoryview(data)[8 + length :]
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()):
            raise TypeError("metadata that is not text")
        places = sorted((entry["data_offsets"], name) for name, entry in header.items())
        tensors = {}
        at = 0
        for (start, stop), name in places:
            entry = header[name]
            shape = [int(size) for size in entry["shape"]]
            dtype = _TYPES[entry["dtype"]]
            bytes_told = math.prod(shape) * dtype.itemsize
            if start != at or stop - start != bytes_told or min(shape, default=0) < 0:
                raise ValueError(f"{name} does not lie where it should")
            if stop > len(values):
                raise ValueError(f"{name} is cut short")
            # A copy: torch wants memory that it may write to.
            part = bytearray(values[start:stop])
            flat = torch.frombuffer(part, dtype=dtype) if part else torch.empty(0, dtype=dtype)
            tensors[name] = flat.reshape(shape)
            at = stop
        if at != len(values):
            raise ValueError(f"{len(values):,} bytes of numbers, {at:,} by the header")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataDamaged(f"{where}: is no safetensors file, or damaged: {error}") from None
    return tensors, metadata
