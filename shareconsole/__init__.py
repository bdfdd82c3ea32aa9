"""shareconsole: train multi-task networks that learn what to share, and watch them do it."""

from __future__ import annotations

__version__ = "0.1.0"
