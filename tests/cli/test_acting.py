"""Asking something of a rollout: who, why, and only after a yes."""

import json

import pytest
from tests.cli.conftest import Run
from tests.support.scripted import Script

from chimera.app.reports import Answer, Sweep
from chimera.core.model import Resource

HARMLESS = ["pause", "resume", "approve"]
GRAVE = ["promote", "abort", "revert"]


@pytest.mark.parametrize("verb", [*HARMLESS, *GRAVE])
def test_the_request_carries_who_and_why(told: object, run: Run, script: Script, verb: str) -> None:
    yes = ["--yes"] if verb in GRAVE else []
    done = run(verb, "logo", "--by", "bob", "--reason", "lunch", *yes)
    assert (done.code, done.out) == (0, "Paused at 25 %.\n")
    assert script.asked == [(verb, "logo-51c77e", "bob", "lunch")]


def test_the_user_asks_by_default(told: object, run: Run, script: Script) -> None:
    run("pause")
    assert script.asked == [("pause", "logo-51c77e", "ada", "")]


@pytest.mark.parametrize("verb", GRAVE)
def test_what_is_grave_needs_a_yes_where_nobody_answers(
    told: object, run: Run, script: Script, verb: str
) -> None:
    done = run(verb, "logo")
    assert done.code == 2
    assert "--yes" in done.err
    assert script.asked == []


def test_a_refusal_is_a_conflict(told: object, run: Run, script: Script) -> None:
    script.answer = Answer("too late to abort: promoted", accepted=False)
    done = run("abort", "logo", "--yes")
    assert (done.code, done.out) == (8, "")
    assert "error: too late to abort: promoted" in done.err


def test_a_refusal_as_json_is_data_too(told: object, run: Run, script: Script) -> None:
    script.answer = Answer("too late", accepted=False)
    done = run("resume", "logo", "-o", "json")
    assert done.code == 8
    assert json.loads(done.out) == {"text": "too late", "accepted": False}


def test_retrying_a_cleanup_answers(told: object, run: Run, script: Script) -> None:
    script.answer = Answer("trying the cleanup again", accepted=True)
    assert run("retry", "logo").out == "Trying the cleanup again.\n"


def test_down_needs_a_yes_and_says_what_is_gone(told: object, run: Run, script: Script) -> None:
    assert run("down", "logo").code == 2
    process = Resource("process", "logo-1-0", "logo")
    script.sweep = Sweep((process,), (process,))
    done = run("down", "logo", "--yes")
    assert done.code == 0
    assert "removed  process logo-1-0" in done.out


def test_what_gc_cannot_remove_is_a_failure(told: object, run: Run, script: Script) -> None:
    process = Resource("process", "logo-1-0", "logo", rollout="logo-8be2d0")
    script.sweep = Sweep((process,), (), (process,))
    done = run("gc")
    assert done.code == 1
    assert "left  process logo-1-0  logo-8be2d0" in done.out
    dry = run("gc", "--dry-run", "-o", "json")
    assert json.loads(dry.out)["found"][0]["id"] == "logo-1-0"
