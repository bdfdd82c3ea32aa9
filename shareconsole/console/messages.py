"""What happened, told to the screens. Names are in the past tense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

# The live view models load numpy (0.1 s), which the first paint must not wait for.
if TYPE_CHECKING:
    from shareconsole.console.viewmodel.listing import RunListing
    from shareconsole.console.viewmodel.live import LiveSnapshot


class SnapshotTaken(Message):
    """A run was looked at again."""

    def __init__(self, snapshot: LiveSnapshot) -> None:
        """Carry the newest state of the run."""
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        """A slow screen needs to see only the last look at a run."""
        return (
            isinstance(message, SnapshotTaken)
            and message.snapshot.header.id == self.snapshot.header.id
        )


class RunsListed(Message):
    """The list of runs changed, or rows of it were read."""

    def __init__(self, listing: RunListing) -> None:
        """Carry the newest list."""
        super().__init__()
        self.listing = listing

    def can_replace(self, message: Message) -> bool:
        """A slow screen needs to see only the last list."""
        return isinstance(message, RunsListed)


class ActionDone(Message):
    """What a person asked for was done; ``text`` is safe and says it in a sentence."""

    def __init__(self, text: str) -> None:
        """Carry the sentence."""
        super().__init__()
        self.text = text


class ActionFailed(Message):
    """Something could not be done or read; ``text`` is safe and says why."""

    def __init__(self, text: str) -> None:
        """Carry the reason."""
        super().__init__()
        self.text = text
