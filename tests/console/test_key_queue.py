"""Keys that are held back until the one before is done, and never for good."""

from __future__ import annotations

from textual.events import Key

from shareconsole.console.key_queue import KeyQueue


class Pump:
    """A queue whose messages are handled when a test says so."""

    def __init__(self, parent: Pump | None = None) -> None:
        self._parent = parent
        self.messages: list = []
        self.open = True

    def call_later(self, callback, *arguments) -> bool:
        if self.open:
            self.messages.append((callback, arguments))
        return self.open

    def work(self) -> None:
        while self.messages:
            callback, arguments = self.messages.pop(0)
            callback(*arguments)


class App(Pump):
    def __init__(self) -> None:
        super().__init__()
        self.timers: list = []

    def set_timer(self, seconds, callback) -> None:
        self.timers.append(callback)


def key(name: str) -> Key:
    return Key(name, name)


def a_queue(app: App):
    taken: list[str] = []
    return KeyQueue(app, lambda event: taken.append(event.key)), taken


def test_a_key_waits_until_the_one_before_has_come_up_to_the_app():
    app = App()
    screen = Pump(app)
    widget = Pump(screen)
    queue, taken = a_queue(app)
    queue.add(key("a"))
    queue.follow(widget)
    queue.add(key("b"))
    for pump in (app, screen, widget, screen):
        assert taken == ["a"]
        pump.work()
    assert taken == ["a"]
    app.work()
    assert taken == ["a", "b"]


def test_keys_come_in_their_order_and_those_typed_again_first():
    app = App()
    queue, taken = a_queue(app)
    for name in "abc":
        queue.add(key(name))
    queue.add_first([key("x"), key("y")])
    while len(taken) < 5:
        queue.follow(None)
        app.work()
    assert taken == ["a", "x", "y", "b", "c"]
    queue.follow(None)
    app.work()
    queue.add(key("d"))
    assert taken[-1] == "d"


def test_a_widget_that_goes_with_a_key_in_its_queue_holds_no_other_up():
    app = App()
    widget = Pump(Pump(app))
    queue, taken = a_queue(app)
    queue.add(key("a"))
    queue.follow(widget)
    queue.add(key("b"))
    widget.messages.clear()
    app.timers[0]()
    assert taken == ["a", "b"]
    # The first key's timer, and what may still come of its way, are over.
    queue.add(key("c"))
    app.timers[0]()
    assert taken == ["a", "b"]
    widget.open = False
    queue.follow(widget)
    app.work()
    assert taken == ["a", "b", "c"]
