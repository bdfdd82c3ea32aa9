"""``python -m shareconsole`` is the command ``shareconsole``."""

from __future__ import annotations

from shareconsole.cli import main

if __name__ == "__main__":
    main()
