"""Whether the page on this machine answers, wherever it listens: `python3 -m chimera.app.alive`.

For a container's health check, so it is light and says no more than its exit code.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from chimera.app.doors import guard_settings

TIMEOUT_S = 4.0


def is_alive(env: Mapping[str, str]) -> bool:
    """Ask where the variables say that it listens, by a name that it always answers to."""
    settings = guard_settings(env)
    every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask, not to listen
    host = every.get(settings.host, settings.host)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False  # the certificate is for those outside, this is the inside
    trusting.verify_mode = ssl.CERT_NONE
    asking = (
        HTTPSConnection(host, settings.port, timeout=TIMEOUT_S, context=trusting)
        if settings.tls_cert
        else HTTPConnection(host, settings.port, timeout=TIMEOUT_S)
    )
    try:
        asking.request("GET", "/healthz", headers={"Host": "localhost"})
        return asking.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        asking.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive(os.environ) else 1)
