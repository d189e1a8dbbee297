"""A real Prometheus that scrapes what a test shows it, and a stand-in that answers as told."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

Handler = Callable[[str, str], tuple[int, str]]


def program() -> str | None:
    """Return where Prometheus is installed (Debian: prometheus), None if it is not."""
    return shutil.which("prometheus")


@contextmanager
def answering(answer: Handler) -> Iterator[str]:
    """Serve on a free port: `answer` gets the path and the query, and returns (status, body)."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(parse_qs(body).get("query", [""])[0])

        def _answer(self, query: str) -> None:
            status, body = answer(self.path, query)
            self.send_response(status)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def scraping(target: str, folder: Path) -> Iterator[str]:
    """Run Prometheus on a free port; it reads `target` five times a second."""
    found = program()
    assert found
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "prometheus.yml"
    host = target.removeprefix("http://")
    config.write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['{host}']}}]}}]\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                found,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _until_ready(f"{url}/-/ready", process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "prometheus ended at its start"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("prometheus was not ready in time")
