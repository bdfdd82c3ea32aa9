"""A server on this machine that sends files, parts of files, and things that go wrong."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What is served.

    Attributes:
        files: content by path.
        asked: (path, Range header or empty) of every request.
        breaks: paths whose answer ends after so many bytes, once.
        ranges: whether parts of files are sent.
        kinds: Content-Type by path, where one is told.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    breaks: dict[str, int] = field(default_factory=dict)
    ranges: bool = True
    kinds: dict[str, str] = field(default_factory=dict)


@contextmanager
def serving() -> Iterator[Site]:
    """A site of one's own, gone afterwards."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wish = self.headers.get("Range", "")
            site.asked.append((self.path, wish))
            content = site.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            begin = int(re.fullmatch(r"bytes=(\d+)-", wish)[1]) if wish and site.ranges else 0
            if begin and begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if wish and site.ranges else 200)
            self.send_header("Content-Length", str(len(content) - begin))
            if self.path in site.kinds:
                self.send_header("Content-Type", site.kinds[self.path])
            self.end_headers()
            self.wfile.write(content[begin : site.breaks.pop(self.path, len(content))])

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
