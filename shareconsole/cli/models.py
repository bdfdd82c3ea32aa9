"""Commands for networks that stand alone: export-model, predict."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from shareconsole.cli import exits
from shareconsole.cli.options import JsonOption, RunArgument, RunsOption, find_run


class ModelFormat(StrEnum):
    """How `export-model` writes."""

    torch_export = "torch-export"
    onnx = "onnx"
    safetensors = "safetensors"


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command(name="export-model")(export_model)
    app.command()(predict)


def export_model(
    run: RunArgument,
    task: Annotated[
        str,
        typer.Option("--task", metavar="NAME", help="Name of the task.", show_default=False),
    ],
    format: Annotated[
        ModelFormat | None,
        typer.Option(
            "--format",
            help="Torch's archive, ONNX (an extra), or weights only; else what -o ends with, "
            "or torch-export.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File to write; else run and task in the current folder.",
            show_default=False,
        ),
    ] = None,
    fold: Annotated[
        bool,
        typer.Option(
            "--fold-batch-norm/--no-fold-batch-norm",
            help="Fold batch-norm into the convolutions; faster, equal but for rounding.",
        ),
    ] = False,
    step: Annotated[
        int | None,
        typer.Option(
            "--step",
            metavar="N",
            min=0,
            help="Checkpoint of this step; else the newest good one.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> int:
    """Write one task's network to a file that stands alone.

    It is the task's own path through the modules of the run's newest good
    checkpoint, and was seen to give what the run evaluates with. The run may go
    on meanwhile.

    torch-export (.pt2) needs nothing but torch: torch.export.load(FILE).module()
    takes any number of images. ONNX needs the extra "onnx" of shareconsole.
    safetensors holds the weights, and in its metadata how shareconsole builds
    the network again.

    Each file says what it is: task, classes, input shape and scaling, what was
    done to the pictures, run, step, test error, method, parameters
    (shareconsole.json in .pt2, the key shareconsole in the metadata of the
    others).
    """
    from shareconsole.headless.follow import Interrupts
    from shareconsole.headless.output import out, put_json, say
    from shareconsole.headless.standalone import (
        ExportOrder,
        check_order,
        default_output,
        format_of,
        print_export,
    )
    from shareconsole.headless.standalone import export_model as export

    folder = find_run(runs, run)
    kind = format.value if format is not None else format_of(output)
    file = output if output is not None else default_output(folder, task, kind)
    path = str(folder.path.absolute())
    order = ExportOrder(path, task, kind, file, step, fold, force)
    check_order(order)
    with Interrupts() as interrupts:
        told = export(order, interrupts)
        if told is None:
            return exits.Exit.TERMINATED if interrupts.terminated else exits.Exit.INTERRUPTED
    for note in told["notes"]:
        say(f"warning: {note}")
    if as_json:
        put_json({key: value for key, value in told.items() if key != "kind"})
    else:
        print_export(out(), told)
    return exits.Exit.OK


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A .pt2 or .safetensors of export-model.", show_default=False
        ),
    ],
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Images, or .npy arrays.", show_default=False),
    ],
    resize: Annotated[
        bool, typer.Option("--resize", help="Resize images of another size.")
    ] = False,
    top: Annotated[
        int,
        typer.Option("--top", metavar="K", min=1, help="The K likeliest classes of each image."),
    ] = 1,
    as_json: JsonOption = False,
) -> int:
    """Run an exported network on images: file, class, probability.

    Images are decoded as for training on a folder: grey or colour as the
    network takes it, transparent pixels white, bytes divided by 255. What was
    done to the pictures of training, inverted or turned for example, is done to
    them, and a note says what. A .npy file holds one image [C, H, W] or many
    [N, C, H, W], bytes or numbers, to which all that has been done already;
    bytes are divided by 255.

    A file that cannot be used is told and the others are still run; the exit
    code is 1 then. Loading a .pt2 can run code that somebody put into it:
    open only what you trust, or use safetensors.
    """
    from shareconsole.headless.follow import Interrupts
    from shareconsole.headless.output import put, put_json, say
    from shareconsole.headless.standalone import predict as run
    from shareconsole.headless.standalone import prediction_lines

    failed = False
    found = []
    with Interrupts() as interrupts:
        for told in run(model, files, resize=resize, top=top, interrupts=interrupts):
            if told["kind"] == "failure":
                failed = True
                say(f"error: {told['message']}")
                found.append({"file": told["file"], "error": told["message"]})
            elif told["kind"] == "note":
                say(f"note: {told['message']}")
            elif told["kind"] == "prediction":
                found.append({key: told[key] for key in ("file", "image", "classes")})
                for line in [] if as_json else prediction_lines(told, files):
                    put(line)
        if as_json:
            put_json(found)
        if interrupts.count or interrupts.terminated:
            return exits.Exit.TERMINATED if interrupts.terminated else exits.Exit.INTERRUPTED
    return exits.of_checks(passed=not failed)
