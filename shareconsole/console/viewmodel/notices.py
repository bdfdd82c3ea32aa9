"""What a person should know about a run, told from its events as they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shareconsole.safe_text import safe_text
from shareconsole.store.events import EventReader
from shareconsole.store.folder import attempt_numbers

if TYPE_CHECKING:
    from shareconsole.store.folder import RunFolder

MOST = 50
"""So many of the newest are kept; a run that warns at every step must not fill the memory."""
_LONGEST = 500


class Notices:
    """The warnings among a run's events, over all attempts, oldest first, each text once."""

    def __init__(self, folder: RunFolder) -> None:
        """Touches no disk."""
        self._folder = folder
        self._readers: dict[int, EventReader] = {}
        self._over: set[int] = set()
        self._texts: dict[str, None] = {}

    def update(self, names: list[str]) -> list[str]:
        """Read what is new; ``names`` are those in the folder."""
        numbers = attempt_numbers(names, "events")
        for number in numbers:
            if number in self._over:
                continue
            reader = self._readers.setdefault(number, EventReader(self._folder.events(number)))
            for event in reader.poll():
                text = _wording(event.kind, event.data)
                if text:
                    self._add(f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text)
            if number != numbers[-1]:
                # Read once more after a newer one appeared; nobody writes it now.
                self._over.add(number)
        damaged = sum(reader.bad_lines for reader in self._readers.values())
        lost = [f"{damaged} damaged lines among the events were left out"] if damaged else []
        return [*self._texts, *lost]

    def _add(self, text: str) -> None:
        # Said again it moves to the end.
        self._texts.pop(text, None)
        self._texts[text] = None
        if len(self._texts) > MOST:
            del self._texts[next(iter(self._texts))]


def _wording(kind: str, data: Mapping[str, Any]) -> str:
    match kind:
        case "warning":
            return safe_text(data.get("message", ""))
        case "checkpoint_rejected":
            name, reason = safe_text(data.get("name")), safe_text(data.get("reason"))
            return f"checkpoint {name} was rejected: {reason}"
        case "refused":
            return f"resume refused: {safe_text(data.get('error'))}"
        case "disk_full":
            return "the disk filled up; records waited in memory until there was room"
        case _:
            return ""
