"""The command doctor."""

from __future__ import annotations

import typer

from shareconsole.cli import exits
from shareconsole.cli.options import JsonOption, RunsOption, runs_folder
from shareconsole.safe_text import safe_text

_NAME_CELLS = 16


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(doctor)


def doctor(runs: RunsOption = None, as_json: JsonOption = False) -> int:
    """Check what shareconsole needs: packages, folder, locks."""
    from rich.text import Text

    from shareconsole.headless.doctor import FAILED, NOTE, OK, examine
    from shareconsole.headless.output import UNLIMITED_COLUMNS, out, put_json
    from shareconsole.headless.styles import BAD, GOOD, NOTICE
    from shareconsole.headless.tables import Page, cell

    page = Page(out(columns_without_terminal=UNLIMITED_COLUMNS))
    marks = {OK: ("✓", GOOD), NOTE: ("·", NOTICE), FAILED: ("✗", BAD)}
    findings = []
    for finding in examine(runs_folder(runs)):
        findings.append(finding)
        if not as_json:
            mark, style = marks[finding.verdict]
            head = Text.assemble((mark, style), f" {safe_text(finding.name):<{_NAME_CELLS}}")
            page.flow(head, [cell(finding.detail)])
    passed = all(finding.verdict != FAILED for finding in findings)
    if as_json:
        checks = [
            {"name": item.name, "verdict": item.verdict, "detail": item.detail} for item in findings
        ]
        put_json({"passed": passed, "checks": checks})
    return exits.of_checks(passed=passed)
