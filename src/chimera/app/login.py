"""Where the other Chimera is, and the token for it: kept in a file that only its owner can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from chimera.core.errors import SpecError

HERE = "local"


@dataclass(frozen=True, slots=True)
class Login:
    """url: without a slash at its end. ca: a file of certificates to trust beside the usual."""

    url: str
    token: str = ""
    ca: str = ""

    @property
    def same_machine(self) -> bool:
        """Whether files here are files there."""
        return _is_loopback(urlsplit(self.url).hostname or "")


def find_login(env: Mapping[str, str]) -> Login | None:
    """Return which Chimera commands talk to; None is the one on this machine.

    CHIMERA_SERVER goes before what `chimera login` kept; `local` there means this machine.
    """
    chosen, kept = env.get("CHIMERA_SERVER", ""), _read(_file(env))
    if chosen == HERE:
        return None
    if not chosen:
        return kept
    url = checked_url(chosen)
    known = kept if kept and kept.url == url else Login(url)
    return Login(
        url, env.get("CHIMERA_TOKEN") or known.token, env.get("CHIMERA_CA_FILE") or known.ca
    )


def keep_login(env: Mapping[str, str], login: Login) -> Path:
    """Keep a login for the commands that follow; return the file."""
    file = _file(env)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with open(fresh, "x", encoding="utf-8", opener=_private) as out:
            json.dump(asdict(login), out)
        fresh.replace(file)
    except OSError as error:
        raise SpecError(f"cannot keep the login in {file}: {error.strerror}") from None
    return file


def forget_login(env: Mapping[str, str]) -> Login | None:
    """Forget what `keep_login` kept, and return it; None if there was nothing."""
    known = _read(_file(env))
    with suppress(FileNotFoundError):
        _file(env).unlink()
    return known


def checked_url(text: str) -> str:
    """Return a server's address as it is used; SpecError for one that a token must not go to."""
    parts = urlsplit(text.rstrip("/"))
    plain = not (parts.path or parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise SpecError(
            f"'{text}' is not the address of a Chimera", hint="write https://HOST, without a path"
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise SpecError(
            f"{text} is not encrypted: others could read your token",
            hint="use https://; or an SSH tunnel to a port on 127.0.0.1",
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _file(env: Mapping[str, str]) -> Path:
    folder = env.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "chimera" / "login.json"


def _read(file: Path) -> Login | None:
    try:
        return Login(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise SpecError(
            f"{file} cannot be read", hint="`chimera logout`, then `chimera login URL` again"
        ) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
