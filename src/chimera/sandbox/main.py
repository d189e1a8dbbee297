"""`chimera sandbox aws`: start a range, say how to use it, stay until told to stop."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from chimera.core.errors import SpecError
from chimera.sandbox.box import Sandbox
from chimera.sandbox.faults import read_rule_file
from chimera.sandbox.options import Options

KINDS = ("appmesh", "alb")


def run_sandbox(  # noqa: PLR0913 - a command's options
    *,
    port: int = 0,
    speed: float = 60.0,
    propagation: timedelta = timedelta(seconds=0.5),
    seed: str = "",
    faults: Path | None = None,
    images: tuple[str, ...] = (),
    as_json: bool = False,
    held: bool = False,
) -> int:
    """Run a range until Ctrl-C or SIGTERM; return the exit code.

    seed: "", "appmesh", "alb" or "all", the stacks to build first. images: "PATTERN=COMMAND", what
    other images run. held: end with whoever holds its standard input, too. Raises ChimeraError for
    what cannot be.
    """
    wanted = _kinds(seed)
    commands = {**_commands(images), **Options().images}
    options = Options(port=port, speed=speed, propagation=propagation, images=commands)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    if held:
        threading.Thread(target=_until_let_go, args=(stopping,), daemon=True).start()
    rules = read_rule_file(faults) if faults else []
    with Sandbox(options) as box:
        box.faults.set(rules)
        stacks = [_built(box, kind) for kind in wanted]
        _say(box, stacks, as_json=as_json)
        stopping.wait()
    return 0


def _until_let_go(stopping: threading.Event) -> None:
    """Stop when standard input ends, as it does with its holder; a byte means: stay without it."""
    if not sys.stdin.buffer.read(1):
        stopping.set()


def run_seed(*, endpoint: str, kind: str, service: str, version: str, tasks: int) -> int:
    """Build a stack in a range that runs; print its names as JSON; return the exit code.

    Raises ChimeraError, above all where no practice range answers: this is never done on AWS.
    """
    url = endpoint or os.environ.get("AWS_ENDPOINT_URL", "")
    told = _health(url)
    if not told:
        raise SpecError(
            f"no practice range answers at {url or 'AWS_ENDPOINT_URL, which is not set'}",
            hint="start one: chimera sandbox aws, and export what it prints",
        )
    if kind not in KINDS:
        raise SpecError(f"unknown stack '{kind}'", hint=f"known: {', '.join(KINDS)}")
    from chimera.sandbox.box import session_at
    from chimera.sandbox.seed import build

    session = session_at(url, os.environ.get("AWS_REGION") or told["region"])
    stack = build(session, kind=kind, service=service, version=version, tasks=tasks)
    print(json.dumps(stack.as_dict(), indent=1))  # noqa: T201 - what the caller asked for
    return 0


def _health(url: str) -> dict[str, str]:
    if not url:
        return {}
    try:
        answer = httpx.get(f"{url.rstrip('/')}/_chimera/health", timeout=5, trust_env=False)
        found = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return {}
    return found if isinstance(found, dict) and "account" in found else {}


def _kinds(seed: str) -> tuple[str, ...]:
    if not seed:
        return ()
    if seed == "all":
        return KINDS
    if seed not in KINDS:
        raise SpecError(f"unknown stack '{seed}'", hint=f"known: {', '.join((*KINDS, 'all'))}")
    return (seed,)


def _commands(images: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found = {}
    for one in images:
        pattern, equals, command = one.partition("=")
        if not equals or not pattern or not command:
            raise SpecError(
                f"image rule '{one}' is not PATTERN=COMMAND",
                hint="like --image 'web*=python3 app.py {address} {port}'",
            )
        try:
            found[pattern] = tuple(shlex.split(command))
        except ValueError as error:
            raise SpecError(f"image rule '{one}': {error}") from error
    return found


def _built(box: Sandbox, kind: str) -> dict[str, Any]:
    from chimera.sandbox.seed import build

    name = "logo" if kind == "appmesh" else "logo-alb"
    stack = build(box.session(), kind=kind, service=name)
    return {"kind": kind, **stack.as_dict(), "url": box.wait_for_url(stack.front)}


def _say(box: Sandbox, stacks: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        told = {"endpoint": box.endpoint, "env": box.env, "stacks": stacks}
        print(json.dumps(told), flush=True)  # noqa: T201 - what the caller asked for
        return
    console = Console(highlight=False)
    console.print(Text(f"AWS in a box: {box.endpoint}  (account {box.account})"))
    console.print(Text("Point any boto3 or AWS CLI at it:"))
    for name, value in box.env.items():
        console.print(Text(f"  export {name}={value}"), soft_wrap=True)
    for stack in stacks:
        console.print(Text(f"\nA stack of yours, {stack.pop('kind')}: {stack.pop('url')}"))
        for name, value in stack.items():
            console.print(Text(f"  {name}: {value}"), soft_wrap=True)
    console.print(Text(f"\nFaults, calls, fronts: {box.endpoint}/_chimera/... Ctrl-C ends it all."))
    sys.stdout.flush()
