"""The built assets: named by their content, so that a browser keeps them for good."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from chimera.core.errors import ChimeraError
from chimera.guard import PUBLIC

ASSETS = Path(__file__).with_name("assets")
FOREVER = "public, max-age=31536000, immutable"
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and as gzip."""

    content: bytes
    zipped: bytes
    type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """names: plain name to hashed name. files: by hashed name."""

    names: dict[str, str]
    files: dict[str, Asset]

    def url(self, name: str) -> str:
        """Return where a browser finds an asset; KeyError if it was never built."""
        return f"/assets/{self.names[name]}"


@cache
def assets() -> Assets:
    """Read what the build made; ChimeraError with the command that makes it."""
    try:
        names: dict[str, str] = json.loads((ASSETS / "manifest.json").read_text())["files"]
        return Assets(names, {hashed: _read(hashed) for hashed in names.values()})
    except FileNotFoundError as error:
        raise ChimeraError(
            f"the page's scripts and styles are not built: {error.filename} is missing",
            hint="`make assets` in the repository builds them; a released wheel holds them",
        ) from None


def _read(hashed: str) -> Asset:
    content, zipped = (ASSETS / hashed).read_bytes(), (ASSETS / f"{hashed}.gz").read_bytes()
    return Asset(content, zipped, TYPES[hashed.rpartition(".")[2]])


@router.get("/assets/{name}", dependencies=[PUBLIC], include_in_schema=False)
def asset(name: str, request: Request) -> Response:
    """Serve one asset, zipped to whoever can unzip it."""
    found = assets().files.get(name)
    if found is None:
        return Response("no such asset", status_code=404, media_type="text/plain")
    headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.zipped, media_type=found.type, headers=headers)
    return Response(found.content, media_type=found.type, headers=headers)


@router.get("/favicon.ico", dependencies=[PUBLIC], include_in_schema=False)
def favicon() -> Response:
    """Answer browsers that ask for it without being told to."""
    return Response(
        assets().files[assets().names["logo.svg"]].content,
        media_type=TYPES["svg"],
        headers={"Cache-Control": "public, max-age=86400"},
    )
