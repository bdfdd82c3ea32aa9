"""The command doctor."""

from __future__ import annotations

import typer

from shareconsole.cli import exits
from shareconsole.cli.options import JsonOption, RunsOption, runs_folder


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(doctor)


def doctor(runs: RunsOption = None, as_json: JsonOption = False) -> int:
    """Check what shareconsole needs: packages, folder, locks."""
    from shareconsole.headless.doctor import FAILED, NOTE, examine
    from shareconsole.headless.output import out, put_json
    from shareconsole.headless.tables import cell

    console = out()
    width = 16
    findings = []
    for finding in examine(runs_folder(runs)):
        findings.append(finding)
        if not as_json:
            mark, style = {FAILED: ("✗", "bold red"), NOTE: ("·", "yellow")}.get(
                finding.verdict, ("✓", "green")
            )
            line = cell(f"{mark} ", style)
            line.append_text(cell(f"{finding.name:<{width}}")).append_text(cell(finding.detail))
            console.print(line, soft_wrap=True)
    passed = all(finding.verdict != FAILED for finding in findings)
    if as_json:
        checks = [
            {"name": item.name, "verdict": item.verdict, "detail": item.detail} for item in findings
        ]
        put_json({"passed": passed, "checks": checks})
    return exits.of_checks(passed=passed)
