"""Why tasks do not start is said in plain words, and waiting ends when it cannot help. Pure."""

from __future__ import annotations

import pytest

from chimera.platforms.aws.trouble import of_deployment, of_events, of_tasks


def stopped(reason: str, **container: object) -> dict[str, object]:
    return {"stoppedReason": reason, "containers": [{"name": "app", **container}]}


@pytest.mark.parametrize(
    ("reason", "times", "words", "final"),
    [
        ("CannotPullContainerError: manifest unknown", 1, "image was not found", True),
        ("CannotPullContainerError: i/o timeout", 1, "cannot be pulled", False),
        ("CannotPullContainerError: i/o timeout", 3, "cannot be pulled", True),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth",
            2,
            "a secret cannot be read",
            True,
        ),
        (
            'CannotStartContainerError: exec: "serve": executable file not found in $PATH',
            2,
            "command cannot be run",
            True,
        ),
        (
            "ResourceInitializationError: failed to validate logger args: create stream: "
            "ResourceNotFoundException: The specified log group does not exist.",
            2,
            "the logs cannot be written",
            True,
        ),
        ("CannotPullContainerError: failed to resolve ref x: not found", 1, "not found", True),
        ("Task failed container health checks", 1, "health check fails", False),
        ("Task failed container health checks", 3, "health check fails", True),
        ("OutOfMemoryError: container killed", 2, "out of memory", True),
        ("Essential container in task exited", 3, "a container ended", True),
        ("who knows", 3, "tasks stop: who knows", True),
    ],
)
def test_stopped_tasks_are_explained(reason: str, times: int, words: str, final: bool) -> None:
    found = of_tasks([stopped(reason)] * times)
    assert found is not None
    assert words in found.reason
    assert found.final is final
    assert found.hint or words.startswith("tasks stop")


def test_exit_codes_are_told_and_scaling_is_no_trouble() -> None:
    found = of_tasks([stopped("Essential container in task exited", exitCode=137)])
    assert found
    assert "exit code 137" in found.reason
    assert of_tasks([stopped("Scaling activity initiated by deployment")]) is None
    assert of_tasks([]) is None


def test_events_tell_of_capacity_which_may_come_back() -> None:
    found = of_events(
        [
            {"message": "(service shop) has started 1 tasks"},
            {"message": "service shop was unable to place a task: RESOURCE:MEMORY"},
        ]
    )
    assert found
    assert "no capacity" in found.reason
    assert not found.final
    assert of_events([{"message": "(service shop) has reached a steady state."}]) is None


def test_a_deployment_that_ecs_gave_up_is_final() -> None:
    failed = {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start"}
    found = of_deployment({"deployments": [failed]})
    assert found
    assert found.final
    assert of_deployment({"deployments": [{"rolloutState": "IN_PROGRESS"}]}) is None
