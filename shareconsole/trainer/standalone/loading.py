"""A network out of a file that `export` wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter, ValidationError

from shareconsole.errors import DataDamaged, UsageError
from shareconsole.sharing.task_network import from_plan
from shareconsole.spec.networks import NETWORKS, NetworkOptions
from shareconsole.trainer.device import DTYPES
from shareconsole.trainer.resolving import resolve
from shareconsole.trainer.standalone.checks import reason
from shareconsole.trainer.standalone.folding import fold_batch_norm
from shareconsole.trainer.standalone.formats import METADATA_KEY, as_metadata, from_archive
from shareconsole.trainer.standalone.safetensors import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

_ZIP = b"PK\x03\x04"


def network_in(data: bytes, where: str) -> tuple[Callable[[Tensor], Tensor], dict[str, Any]]:
    """The network in a file, and its metadata.

    Args:
        data: The whole file.
        where: Its name; where it does not end as one that `export` gives, the content tells what
            it is. Loading torch's archive can run code, so nothing that is called .safetensors is
            ever taken for one.

    Raises:
        UsageError: It is of a kind that is not run here.
        DataDamaged: It was not written by `export`, or is damaged.
    """
    name = where.lower()
    if name.endswith(".onnx"):
        raise UsageError(f"{where}: ONNX is for other programs; export the task as torch-export")
    archive = data.startswith(_ZIP)
    if name.endswith(".pt2") or (archive and not name.endswith(".safetensors")):
        return from_archive(data, where)
    if archive:
        raise DataDamaged(
            f"{where}: is no safetensors but a zip, perhaps torch's archive (.pt2); loading one "
            "can run code in it, so it is not tried under this name"
        )
    tensors, texts = decode(data, where)
    if METADATA_KEY not in texts:
        raise DataDamaged(f"{where}: was not written by export-model: no metadata of it")
    metadata = as_metadata(texts[METADATA_KEY], where)
    return _rebuilt(metadata, tensors, where), metadata


def _rebuilt(metadata: dict[str, Any], tensors: dict[str, Tensor], where: str) -> nn.Module:
    try:
        architecture, sizes = metadata["architecture"], metadata["input"]
        options = TypeAdapter(NetworkOptions).validate_python(architecture["network"])
        shape = tuple(map(int, sizes["shape"]))
        plan = resolve(NETWORKS[options.name].target)(options, shape)
        if not architecture["kinds"]:
            plan = plan.without_kinds()
        recipe = tuple(None if c is None else tuple(c) for c in architecture["recipe"])
        # Weights come out of the file: none are drawn.
        with torch.random.fork_rng(devices=[]):
            network: nn.Module = from_plan(plan, recipe, len(metadata["classes"]), shape)
        if metadata["batch_norm_folded"]:
            network = fold_batch_norm(network)
        network = network.to(DTYPES[sizes["dtype"]])
        network.load_state_dict(tensors)
        return network.eval()
    except (ValidationError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataDamaged(f"{where}: weights and metadata do not fit: {reason(error)}") from None
