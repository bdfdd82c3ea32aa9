"""The only place that resolves a "module:attribute" of the catalogues."""

from __future__ import annotations

import importlib
from typing import Any


def resolve(target: str) -> Any:
    """The object that "package.module:attribute" names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
