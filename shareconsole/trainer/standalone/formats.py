"""The kinds of files that a network goes into.

Torch's own archive and ONNX hold the whole network; safetensors holds its weights, and how to build
the network again is in the metadata.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from shareconsole.errors import DataDamaged
from shareconsole.trainer.standalone.checks import reason
from shareconsole.trainer.standalone.safetensors import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor
    from torch.export import ExportedProgram

METADATA = "shareconsole.json"
"""Where the metadata are in torch's archive."""

METADATA_KEY = "shareconsole"
"""Under which key they are in the other formats."""


def traced(network: nn.Module, example: Tensor) -> ExportedProgram:
    """The network as torch.export has it, for any number of images.

    Args:
        network: In eval mode.
        example: [B, C, H, W], B at least 2.
    """
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
    for node in program.graph.nodes:
        # Where the source lay on this machine is nobody's business.
        node.meta.pop("stack_trace", None)
    return program


def to_archive(network: nn.Module, example: Tensor, metadata: Mapping[str, Any]) -> bytes:
    """An archive for `torch.export.load`, which needs nothing but torch."""
    buffer = io.BytesIO()
    program = traced(network, example)
    torch.export.save(program, buffer, extra_files={METADATA: json.dumps(metadata)})
    return buffer.getvalue()


def from_archive(data: bytes, where: str) -> tuple[Callable[[Tensor], Tensor], dict[str, Any]]:
    """The network in such an archive, and its metadata.

    Raises:
        DataDamaged: It is none of ours, or damaged.
    """
    metadata = _metadata_in_archive(data, where)
    try:
        program = torch.export.load(io.BytesIO(data))
        return program.module(), metadata
    # What torch ends with on a damaged archive is anything.
    except Exception as error:
        raise DataDamaged(f"{where}: torch cannot load it: {reason(error)}") from None


def _metadata_in_archive(data: bytes, where: str) -> dict[str, Any]:
    """First, and without torch: whose archive is it, and is it whole?"""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            broken = archive.testzip()
            if broken is not None:
                raise DataDamaged(f"{where}: is damaged: the checksum of {broken} does not fit")
            (member,) = (n for n in archive.namelist() if n.endswith(f"/extra/{METADATA}"))
            return as_metadata(archive.read(member).decode(), where)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DataDamaged(f"{where}: is damaged: {reason(error)}") from None
    except ValueError:
        raise DataDamaged(
            f"{where}: was not written by export-model: no {METADATA} in it"
        ) from None


def as_metadata(text: str, where: str) -> dict[str, Any]:
    """Metadata that were read.

    Raises:
        DataDamaged: They are no JSON object.
    """
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise DataDamaged(f"{where}: its metadata are damaged")
    return metadata


def to_safetensors(network: nn.Module, example: Tensor, metadata: Mapping[str, Any]) -> bytes:
    """Weights and running statistics by name."""
    del example
    return encode(network.state_dict(), {METADATA_KEY: json.dumps(metadata), "format": "pt"})


def to_onnx(network: nn.Module, example: Tensor, metadata: Mapping[str, Any]) -> bytes:
    """What torch's own exporter makes of it; `images` [batch, C, H, W] give `logits`."""
    program = torch.onnx.export(
        traced(network, example),
        dynamo=True,
        input_names=["images"],
        output_names=["logits"],
        external_data=False,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props[METADATA_KEY] = json.dumps(metadata)
    return bytes(program.model_proto.SerializeToString())


def onnx_network(data: bytes) -> Callable[[Tensor], Tensor]:
    """What ONNX's own reference, which knows nothing of torch, makes of the file of `to_onnx`."""
    # Extra of the installation, as is what `to_onnx` needs.
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = ReferenceEvaluator(onnx.load_from_string(data))

    def network(images: Tensor) -> Tensor:
        (logits,) = model.run(["logits"], {"images": images.numpy()})
        return torch.from_numpy(logits)

    return network


WRITERS: dict[str, Callable[[nn.Module, Tensor, Mapping[str, Any]], bytes]] = {
    "torch-export": to_archive,
    "onnx": to_onnx,
    "safetensors": to_safetensors,
}
