"""Commands about presets: check, presets, schema."""

from __future__ import annotations

from pathlib import Path

import typer

from shareconsole.cli.options import JsonOption, PresetArgument, RunsOption, SetOption, runs_folder


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(check)
    app.command(name="presets")(list_presets)
    app.command()(schema)


def check(
    preset: PresetArgument,
    overrides: SetOption = None,
    runs: RunsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a preset and predict the size of its run."""
    from shareconsole.headless.output import out, put_json, say
    from shareconsole.headless.prediction import prediction_json, print_prediction
    from shareconsole.launch import check_room
    from shareconsole.spec.toml import load_preset

    loaded = load_preset(preset, overrides or [])
    for note in loaded.notes:
        say(f"note: {note}")
    check_room(loaded.preset, runs_folder(runs), file=preset)
    # Published files may still have to be fetched; one's own data are there or wrong.
    if loaded.preset.data.shape_from_files:
        loaded.preset.data.check_files()
    if as_json:
        put_json(prediction_json(loaded))
    else:
        print_prediction(out(), loaded)


def list_presets(as_json: JsonOption = False, runs: RunsOption = None) -> None:
    """List the presets that a name can mean.

    Those in ./presets come first, then shipped ones that need no files, then
    the others.
    """
    from shareconsole.headless.output import UNLIMITED_COLUMNS, out, put_json, say
    from shareconsole.headless.tables import Page
    from shareconsole.spec.toml import list_presets as find

    found = find(Path.cwd())
    if as_json:
        put_json(
            [
                {
                    "name": item.name,
                    "path": str(item.path),
                    "summary": item.summary,
                    "shipped": item.shipped,
                }
                for item in found
            ]
        )
        return
    if not found:
        say("no presets here and none shipped")
        return
    rows = [[item.name, "shipped" if item.shipped else "here", item.summary] for item in found]
    page = Page(out(columns_without_terminal=UNLIMITED_COLUMNS))
    page.table(["name", "from", "summary"], rows, ["left", "left", "left"], indent=0)


def schema(as_json: JsonOption = False, runs: RunsOption = None) -> None:
    """Print the JSON Schema of presets, for editors; it is JSON with and without --json."""
    from shareconsole.headless.output import put_json
    from shareconsole.spec.toml import json_schema

    put_json(json_schema())
