"""The command line. Importing it costs typer and the standard library, nothing more.

Each command imports what it needs inside itself, so that help and completion stay quick and no
command ever loads torch.
"""

from __future__ import annotations

from shareconsole.cli.app import app, main

__all__ = ["app", "main"]
