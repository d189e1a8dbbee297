"""moto in this process: the services that it has right answer as they are."""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from chimera.sandbox.wire import Request, Response


class Moto:
    """Passes requests on to moto, all of them into one account."""

    def __init__(self, account: str) -> None:
        # moto reads these when it makes its first backend of a kind.
        os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._account = account
        self._application = DomainDispatcherApplication(create_backend_app)

    def pass_on(self, request: Request) -> Response:
        """Let moto answer."""
        answered: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            answered.update(status=int(status.split(" ", 1)[0]), headers=headers)

        chunks = self._application(self._environ(request), start)
        body = b"".join(chunks)
        kept = [pair for pair in answered["headers"] if pair[0].lower() != "content-length"]
        return Response(answered["status"], kept, body)

    def _environ(self, request: Request) -> dict[str, Any]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": unquote(request.path),
            "RAW_URI": request.path,
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(request.body),
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "HTTP_X_MOTO_ACCOUNT_ID": self._account,
        }
        for name, value in request.headers.items():
            if name not in {"content-type", "content-length"}:
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ
