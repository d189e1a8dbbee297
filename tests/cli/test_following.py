"""Staying with a rollout: how it ended is the exit code, and leaving never stops it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import Done, Run
from tests.support.scripted import Script, frames_of
from tests.support.stories import SPEC, TOLD, Story, make_rollout, promoted, released_left_behind

from chimera.app.reports import PlanReport
from chimera.cli.exits import ExitCode
from chimera.cli.following import advice, outcome
from chimera.core.errors import RolloutConflict

Deploy = Callable[..., Done]
ENDS = {
    "promoted": 0,
    "warm": 0,
    "rolled_back": 3,
    "failed_to_start": 3,
    "aborted": 4,
    "awaiting": 6,
}


@pytest.fixture
def deploy(script: Script, run: Run) -> Deploy:
    """Deploy a told story."""

    def go(story: Story, *args: str) -> Done:
        Path("chimera.yaml").write_text(SPEC)
        script.frames = frames_of(story)
        script.plan = script.plan or PlanReport(story.rollout, (), ())
        return run("deploy", "--version", "2", *args)

    return go


@pytest.mark.parametrize("name", ENDS)
def test_the_exit_code_says_how_it_ended(deploy: Deploy, name: str) -> None:
    done = deploy(TOLD[name]())
    assert done.code == ENDS[name]
    assert "Next: " in done.err or name in {"promoted", "warm"}


@pytest.mark.parametrize("name", ["preparing", "baking", "paused"])
def test_what_goes_on_has_no_outcome(name: str) -> None:
    assert outcome(TOLD[name]().view) is None


@pytest.mark.parametrize(("warm_s", "later_s", "advised"), [(60, 0, True), (60, 40, False)])
def test_a_revert_is_advised_while_there_is_time_for_it(
    utc: None, warm_s: int, later_s: int, advised: bool
) -> None:
    story = promoted(warm_s=warm_s)
    story.wait(later_s)
    said = advice(story.view, ExitCode.DONE, story.now)
    assert said == (
        "until 14:01:34 UTC chimera revert logo returns at once to 1, which stays warm"
        if advised
        else ""
    )


def test_whoever_watches_where_nobody_works_is_told_so_once(run: Run, script: Script) -> None:
    story, words = TOLD["baking"](), "No controller runs, so nothing moves."
    Path("chimera.yaml").write_text(SPEC)
    script.plan, script.endless = PlanReport(story.rollout, (), ()), True
    script.frames = [
        (replace(view, unattended=words), lines, looks) for view, lines, looks in frames_of(story)
    ]
    done = run("deploy", "--version", "2", "--timeout", "200ms")
    assert len(script.frames) > 2
    assert done.err.count(words) == 1


@pytest.mark.parametrize("stay", ["--wait", "--watch"])
def test_one_that_the_engine_has_lost_does_not_go_on(run: Run, script: Script, stay: str) -> None:
    story, words = TOLD["baking"](), "Nothing moves any more: the engine has lost it."
    Path("chimera.yaml").write_text(SPEC)
    script.plan = PlanReport(story.rollout, (), ())
    frames = frames_of(story)
    view, lines, looks = frames[-1]
    script.frames = [*frames, (replace(view, unattended=words), lines, looks)]
    done = run("deploy", "--version", "2", stay)
    assert done.code == 1
    assert words in done.err
    assert "Next: chimera gc removes what is left; chimera retry logo-51c77e" in done.err
    assert "goes on" not in done.err


def test_a_revert_is_a_persons_doing() -> None:
    assert outcome(TOLD["reverted"]().view) == 4


@pytest.mark.parametrize(("name", "code"), [("left_behind", 3), ("released_left_behind", 1)])
def test_what_stays_behind_is_never_a_success(name: str, code: int) -> None:
    story = TOLD["left_behind"]() if name == "left_behind" else released_left_behind()
    assert outcome(story.view) is None, "the cleanup is tried again"
    story.state = replace(story.state, wake_at=None)
    assert outcome(story.view) == code


def test_one_line_per_change_goes_to_stderr_and_the_end_to_stdout(deploy: Deploy) -> None:
    story = TOLD["rolled_back"]()
    done = deploy(story)
    assert [line.sentence in done.err for line in story.lines] == [True] * len(story.lines)
    assert done.out.startswith("logo  2 → 3")
    assert "✗ failed at 25 %" in done.out


def test_json_is_the_rollout_at_its_end(deploy: Deploy) -> None:
    done = deploy(TOLD["rolled_back"](), "-o", "json")
    assert json.loads(done.out)["state"]["phase"] == "rolled_back"


def test_jsonl_is_the_rollout_at_every_change(deploy: Deploy) -> None:
    story = TOLD["aborted"]()
    phases = [
        json.loads(row)["state"]["phase"] for row in deploy(story, "-o", "jsonl").out.splitlines()
    ]
    assert len(phases) == len(story.lines)
    assert phases[-1] == "aborted"


def test_quiet_says_nothing_but_the_data(deploy: Deploy) -> None:
    done = deploy(TOLD["promoted"](), "--quiet", "-o", "json")
    assert done.err == ""
    assert json.loads(done.out)["state"]["phase"] == "succeeded"


def test_a_timeout_leaves_and_says_how_to_come_back(deploy: Deploy, script: Script) -> None:
    script.endless = True
    done = deploy(TOLD["baking"](), "--timeout", "200ms")
    assert done.code == 5
    assert "chimera status logo-51c77e --watch" in done.err


def test_detaching_returns_at_once(deploy: Deploy, script: Script, told: object) -> None:
    script.endless = True
    done = deploy(TOLD["baking"](), "--detach")
    assert (done.code, done.out.strip()) == (0, "logo-51c77e")
    assert "chimera status logo-51c77e --watch" in done.err


def test_a_conflict_is_8_and_names_the_holder(deploy: Deploy, script: Script) -> None:
    script.failure = RolloutConflict("logo is held by logo-1", hint="chimera abort logo-1")
    done = deploy(TOLD["baking"]())
    assert done.code == 8
    assert "error: logo is held by logo-1\nNext: chimera abort logo-1" in done.err


def test_the_stable_version_again_is_nothing_to_do(deploy: Deploy, script: Script) -> None:
    script.plan = PlanReport(make_rollout(), (), (), unchanged=True)
    done = deploy(TOLD["baking"]())
    assert done.code == 0
    assert not [asked for asked in script.asked if asked[0] == "deploy"]


def test_only_one_way_of_staying(deploy: Deploy) -> None:
    done = deploy(TOLD["baking"](), "--wait", "--detach")
    assert done.code == 2
    assert "choose one of" in done.err


@pytest.mark.parametrize("timeout", ["5", "soon", "-1s"])
def test_a_bad_timeout_is_refused_before_anything_starts(
    deploy: Deploy, script: Script, timeout: str
) -> None:
    done = deploy(TOLD["baking"](), "--timeout", timeout)
    assert done.code == 2
    assert not script.asked


def test_a_service_known_from_before_is_deployed_by_its_last_spec(
    run: Run, script: Script, told: object
) -> None:
    story = TOLD["promoted"]()
    script.frames, script.plan = frames_of(story), PlanReport(story.rollout, (), ())
    assert run("deploy", "logo", "--version", "9", "--by", "bob").code == 0
    assert script.asked[-1] == ("deploy", "logo", "9", "", "bob")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere.yaml", "cannot read nowhere.yaml"),
        ("mystery", "neither a spec file nor a service"),
        ("", "there is no chimera.yaml here"),
    ],
)
def test_nothing_to_deploy_is_explained(run: Run, script: Script, target: str, said: str) -> None:
    done = run("deploy", *([target] if target else []))
    assert done.code == 2
    assert said in done.err
    assert "Next: " in done.err
