"""Why tasks do not start, in plain words, from what ECS says about them. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong and what to do. final: waiting will not mend it."""

    reason: str
    hint: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class _Kind:
    words: re.Pattern[str]
    reason: str
    hint: str
    after: float  # this many stopped tasks make it final


def _kind(words: str, reason: str, hint: str, after: float) -> _Kind:
    return _Kind(re.compile(words, re.I), reason, hint, after)


_KINDS = (
    _kind(
        r"secret|ssm|parameter",
        "a secret cannot be read",
        "check the secrets of the task definition, and what the execution role may read",
        2,
    ),
    _kind(
        r"executable file not found|exec format error|no such file or directory",
        "a container's command cannot be run",
        "check command and entry point, and that the image is built for the tasks' architecture",
        2,
    ),
    _kind(
        r"log (group|stream)|logger args|logging driver",
        "the logs cannot be written",
        "make the log group, and see that the execution role may write to it",
        2,
    ),
    _kind(
        r"manifest unknown|repository does not exist|no such image|"
        r"(CannotPull|pull image|manifest).*not ?found",
        "the image was not found",
        "check the image's name and tag",
        1,
    ),
    _kind(
        r"CannotPull|pull access|pull image|toomanyrequests",
        "the image cannot be pulled",
        "check the registry, the network of the subnets, and the execution role",
        3,
    ),
    _kind(
        r"health check",
        "the health check fails",
        "look at the application's log, and at the health check's path, port and grace period",
        3,
    ),
    _kind(
        r"OutOfMemory|OOM",
        "a container runs out of memory",
        "give it more memory, or find what takes it",
        2,
    ),
    _kind(
        r"ResourceInitializationError|CannotStart|CannotCreate",
        "the task cannot be set up",
        "look at the task's log driver, network, volumes and roles",
        3,
    ),
    _kind(
        r"essential container|exited|exit code",
        "a container ended",
        "look at the application's log",
        3,
    ),
)
_CAPACITY = _kind(
    r"unable to place|insufficient|capacity is unavailable|no container instance|RESOURCE:|"
    r"reached the limit",
    "there is no capacity for its tasks",
    "add capacity to the cluster, or ask for less CPU and memory",
    math.inf,  # it may come back at any moment
)
_EVENT = re.compile(
    r"unable|fail|error|unhealthy|insufficient|unavailable|cannot|deregistered|reached the limit",
    re.I,
)


def words_of(task: Mapping[str, Any]) -> str:
    """Say why a task stopped, with its containers' own reasons and exit codes."""
    said = [str(task.get("stoppedReason") or "")]
    for container in task.get("containers") or ():
        code = container.get("exitCode")
        if container.get("reason"):
            said.append(f"{container['name']}: {container['reason']}")
        elif code:
            said.append(f"{container['name']}: exit code {code}")
    return "; ".join(part for part in said if part)


def of_tasks(stopped: Sequence[Mapping[str, Any]]) -> Trouble | None:
    """Explain tasks that stopped by themselves; the most frequent cause wins."""
    texts = [words_of(task) for task in stopped]
    texts = [text for text in texts if text and "Scaling activity" not in text]
    if not texts:
        return None
    kinds = Counter(kind for text in texts for kind in [_match(text)] if kind)
    if not kinds:
        return Trouble(f"tasks stop: {texts[0]}", final=len(texts) >= 3)
    kind, count = kinds.most_common(1)[0]
    text = next(text for text in texts if _match(text) is kind)
    return Trouble(f"{kind.reason}: {text}", kind.hint, final=count >= kind.after)


def of_events(events: Iterable[Mapping[str, Any]]) -> Trouble | None:
    """Explain a service's newest event, of events newest first; it may mend itself."""
    for event in events:
        text = str(event.get("message", ""))
        if _CAPACITY.words.search(text):
            return Trouble(f"{_CAPACITY.reason}: {text}", _CAPACITY.hint)
        if _EVENT.search(text):
            kind = _match(text)
            reason = f"{kind.reason}: {text}" if kind else text
            return Trouble(reason, kind.hint if kind else "")
    return None


def of_deployment(service: Mapping[str, Any]) -> Trouble | None:
    """Explain a deployment that ECS's own circuit breaker has given up."""
    for one in service.get("deployments") or ():
        if one.get("rolloutState") == "FAILED":
            why = one.get("rolloutStateReason") or "ECS gave the deployment up"
            return Trouble(str(why), "look at the events of the ECS service", final=True)
    return None


def _match(text: str) -> _Kind | None:
    return next((kind for kind in (_CAPACITY, *_KINDS) if kind.words.search(text)), None)
