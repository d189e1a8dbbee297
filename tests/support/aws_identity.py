"""Where credentials come from without keys at hand: an instance's, and an ECS task's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

SECRET = "never-to-be-seen"
TOKEN = "nor-this-token"


class Vault:
    """Gives out keys KEY1, KEY2 ..., each good for `lasting`, as EC2 and ECS do."""

    def __init__(self, lasting: timedelta) -> None:
        self._lasting = lasting
        self._numbers = count(1)
        self.given: list[str] = []

    def credentials(self) -> dict[str, str]:
        """Return new ones."""
        key = f"KEY{next(self._numbers)}"
        self.given.append(key)
        ends_at = datetime.now(UTC) + self._lasting
        return {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "AccessKeyId": key,
            "SecretAccessKey": SECRET,
            "Token": TOKEN,
            "Expiration": f"{ends_at:%Y-%m-%dT%H:%M:%SZ}",
        }


@contextmanager
def serving(vault: Vault) -> Iterator[str]:
    """Serve the metadata of an instance and the credentials of a task; yield the URL."""
    role = "/latest/meta-data/iam/security-credentials/"

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._send("session")

        def do_GET(self) -> None:
            if self.path == role:
                self._send("practice-instance")
            elif self.path in {f"{role}practice-instance", "/task"}:
                self._send(json.dumps(vault.credentials()))
            else:
                self.send_error(404)

        def _send(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
