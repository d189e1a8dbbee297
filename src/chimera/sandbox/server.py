"""HTTP on loopback: one thread a connection, kept alive, headers and body in one write."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from chimera.core.errors import ProviderRefused
from chimera.sandbox.errors import LostReply
from chimera.sandbox.wire import Request, Response

Answer = Callable[[Request], Response]


class Server:
    """Serves `answer` on 127.0.0.1 until closed."""

    def __init__(self, answer: Answer, port: int) -> None:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        try:
            self._http = _Http(("127.0.0.1", port), handler)
        except OSError as error:
            raise ProviderRefused(
                "sandbox", f"listen on port {port}", str(error), hint="choose another port"
            ) from error
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), name="sandbox-http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and close every connection."""
        self._http.shutdown()
        self._http.server_close()
        self._http.close_connections()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    # Joining the threads of kept-alive connections would wait for their clients.
    block_on_close = False

    def __init__(self, *args: Any) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Shut down what clients keep open; their threads then end and close the sockets."""
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients may go away at any time."""


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    answer: Answer

    def _serve(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size) if size else _chunked(self)
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            response = self.answer(Request(self.command, url.path, url.query, headers, body))
        except LostReply:
            self.close_connection = True
            _shut(self.connection)
            return
        self._send(response.status, response.headers, [response.body])

    def _send(self, status: int, headers: list[tuple[str, str]], body: Iterable[bytes]) -> None:
        whole = b"".join(body)
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(whole)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        """Say nothing: the call log has it all."""


def _chunked(handler: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in handler.headers.get("transfer-encoding", ""):
        return b""
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)
