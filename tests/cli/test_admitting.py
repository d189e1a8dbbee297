"""Users and tokens by the command line, over a real store."""

import io
import json
import re
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from chimera.app.lock import Controller, hold_controller_lock
from chimera.cli.exits import ExitCode

LINK = re.compile(r"http://127\.0\.0\.1:8470/sign-in#[\w-]{43}\b")


def test_a_user_is_added_with_a_link_and_listed(run: Run) -> None:
    done = run("user", "add", "ada", "--role", "admin")
    assert done.code == 0
    assert LINK.search(done.err)
    listed = run("user", "list", "-o", "json")
    (ada,) = json.loads(listed.out)
    assert (ada["name"], ada["grants"], ada["disabled"]) == ("ada", {"*": "admin"}, False)
    assert "hash" not in listed.out


def test_a_link_leads_to_the_page_that_is_served(run: Run, home: Path) -> None:
    run("user", "add", "ada", "--role", "admin")
    with hold_controller_lock(home) as lock:
        served = "http://127.0.0.1:4711"
        lock.announce(Controller(1, "2026-11-30T12:00:00+00:00", "0", ready=True, page=served))
        assert f"{served}/sign-in#" in run("user", "link", "ada").out
    assert LINK.search(run("user", "link", "ada").out)


def test_what_a_user_may_is_changed_and_taken_away(run: Run) -> None:
    run("user", "add", "ada", "--role", "admin")
    run("user", "add", "ben", "--role", "viewer", "--role", "operator@shop")
    assert "operator@shop, viewer" in run("user", "list").out
    assert "admin" in run("user", "grant", "ben", "--role", "admin").out
    assert "nothing" in run("user", "grant", "ben").out
    assert "disabled" in run("user", "disable", "ben").out
    assert "enabled" in run("user", "enable", "ben").out


def test_the_last_admin_stays(run: Run) -> None:
    run("user", "add", "ada", "--role", "admin")
    for command in (["disable", "ada"], ["grant", "ada", "--role", "viewer"]):
        done = run("user", *command)
        assert done.code == ExitCode.PERMISSION
        assert "ada is the last admin" in done.err
        assert "Next: make another user admin first" in done.err


def test_a_token_is_shown_once_and_revoked(run: Run) -> None:
    run("user", "add", "ada", "--role", "operator@shop")
    made = json.loads(run("token", "create", "ci", "--user", "ada", "-o", "json").out)
    assert made["token"].startswith(f"chm_{made['id']}_")
    listed = run("token", "list")
    assert made["id"] in listed.out
    assert made["token"].rpartition("_")[2] not in listed.out
    assert run("token", "revoke", made["id"]).code == 0
    assert "revoked" in run("token", "list").out
    assert run("token", "revoke", "nothing").code == ExitCode.USAGE


def test_a_token_cannot_do_more_than_its_user(run: Run) -> None:
    run("user", "add", "ada", "--role", "operator@shop")
    done = run("token", "create", "ci", "--user", "ada", "--role", "admin")
    assert done.code == ExitCode.PERMISSION
    assert "ada may not give a token admin" in done.err


def test_a_password_comes_from_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("user", "add", "ada")
    for word, code in (("short", ExitCode.USAGE), ("a long enough one", ExitCode.DONE)):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{word}\n"))
        assert run("user", "password", "ada").code == code
    assert "password" in run("user", "list").out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["user", "add", "../ada"], "cannot be a user's name"),
        (["user", "add", "ada", "--role", "boss"], "'boss' is no role"),
        (["user", "link", "nobody"], "no user 'nobody'"),
        (["token", "create", "ci", "--user", "nobody"], "no user 'nobody'"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(run: Run, command: list[str], said: str) -> None:
    done = run(*command)
    assert done.code == ExitCode.USAGE
    assert said in done.err
    assert "Next: " in done.err


def test_each_deed_is_in_the_trail_and_the_trail_is_verified(run: Run) -> None:
    run("user", "add", "ada", "--role", "admin")
    run("token", "create", "ci", "--user", "ada")
    entries = json.loads(run("audit", "list", "-o", "json").out)
    assert [one["action"] for one in entries] == ["token.create", "link.make", "user.add"]
    assert {one["source"] for one in entries} == {"cli"}
    verified = run("audit", "verify")
    assert verified.code == 0
    assert "3 rows checked" in verified.out


@pytest.mark.parametrize(
    "command", [["user", "list"], ["token", "list"], ["audit", "list"], ["discover"]]
)
def test_who_is_logged_in_elsewhere_asks_there(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    monkeypatch.setattr("chimera.remote.client._TRIES", 1)
    monkeypatch.setenv("CHIMERA_SERVER", "http://127.0.0.1:9")
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "nothing"))
    done = run(*command)
    assert done.code == ExitCode.FAILED
    assert "http://127.0.0.1:9 cannot be reached" in done.err
    assert not (tmp_path / "nothing").exists()
