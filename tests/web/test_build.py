"""What the build makes of the libraries and our own sources."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from frontend import build

from chimera.web import static


def test_the_lock_file_names_packages_by_their_content_and_no_registry() -> None:
    lock = json.loads((build.HERE / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert set(packages) >= {"node_modules/htmx.org", "node_modules/uplot"}
    for one in packages.values():
        assert one["integrity"].startswith("sha512-")
        assert "resolved" not in one


def test_assets_are_named_by_their_content_and_zipped() -> None:
    found = static.assets()
    assert {"app.css", "app.js", "charts.js", "licences.txt", "logo.svg"} <= set(found.names)
    for name, asset in found.files.items():
        assert hashlib.sha256(asset.content).hexdigest().startswith(name.split(".")[-2])
        assert gzip.decompress(asset.zipped) == asset.content


def test_the_libraries_come_with_their_licences() -> None:
    found = static.assets()
    text = found.files[found.names["licences.txt"]].content.decode()
    assert "Permission to use" in text
    assert "MIT" in text


def test_nothing_is_built_twice_and_a_change_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not build.build()  # the installation has built what is here
    monkeypatch.setattr(build, "OUT", tmp_path / "assets")
    monkeypatch.setattr(build, "MANIFEST", tmp_path / "assets" / "manifest.json")
    monkeypatch.setattr(build, "_npm", lambda: ["true"])  # the libraries are there already
    assert build.build()
    made = json.loads(build.MANIFEST.read_text())
    assert made["files"] == static.assets().names
    assert not build.build()
    build.MANIFEST.write_text(json.dumps({**made, "sources": "other"}))
    assert build.build()


def test_a_registry_that_cannot_be_reached_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build, "_npm", lambda: ["sh", "-c", "echo no way >&2; exit 1"])
    with pytest.raises(SystemExit, match="no way") as refused:
        build._fetch(with_tests=True)
    assert "make assets" in str(refused.value)
