"""The demo in the practice range: an AWS in a box, ECS tasks that run, and nobody's account."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chimera.app.cloud import MESH, Cloud, Identity
from chimera.app.cloudspec import cloud_spec
from chimera.app.operations import Chimera
from chimera.app.reports import RolloutView, Sweep
from chimera.core.errors import ProviderUnavailable
from chimera.core.model import Change, Resource
from chimera.core.spec import Spec
from chimera.core.state import Phase
from chimera.demo.place import Ground, end_rollout, exporting, sending
from chimera.demo.telling import Screen, Standing
from chimera.sandbox import surroundings
from chimera.sandbox.box import session_at
from chimera.sandbox.listing import things
from chimera.sandbox.thing import Thing

# Held by its standard input the range ends with this process, unless it is told to stay.
_STAY = b"."
UP_WITHIN_S, DOWN_WITHIN_S, GONE_WITHIN_S = 90.0, 20.0, 10.0
ROLLOUT, SETUP = "chimera:rollout", "chimera:setup"
TITLE = "What stands in the account"
# Whatever this machine knows of a real account must not be used.
_NOT_OURS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
_NOWHERE = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
_STACKS = {"ecs-appmesh": "appmesh", "ecs-alb": "alb"}
# Chimera's words for what it made, and the list's.
_LISTED = {
    "ecs-service": "ecs service",
    "ecs-task-definition": "task definition",
    "appmesh-virtual-node": "virtual node",
    "elb-target-group": "target group",
}
# A minute of AWS's metrics is a second in the range.
_FASTER = {"period": "1s", "propagation": "1s"}
_SHORTER = """
# For a demonstration.
steps:
  - {setWeight: 5}
  - {setWeight: 25, bake: 5s}
  - {setWeight: 50, bake: 5s}
  - {setWeight: 100, bake: 5s}
scaleDownDelay: 2s
"""


Standings = Mapping[tuple[str, str], Thing]


class PracticeRange:
    """ECS in a box, the traffic steered by an App Mesh route or a load balancer's rule."""

    first: tuple[str, ...] = ()
    # Until the first numbers are published: a plan can then see how much traffic there is.
    settles_s = 4.0

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.through = "the mesh" if platform == MESH else "the load balancer"
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._before: dict[str, str | None] = {}
        self._env: dict[str, str] = {}
        self._stack: dict[str, Any] = {}
        self._stood: Standings = {}

    async def open(self, screen: Screen, home: Path) -> Ground:
        """Start the range with a service in it, prepare the cluster, write the spec."""
        screen.chapter("the practice range: an AWS in a box on this machine")
        screen.say("It answers like AWS. Tasks are processes here, and traffic is real.")
        told = await self._start(home)
        self._stack = told["stacks"][0]
        self._point({**told["env"], **_NOWHERE})
        if self.platform == MESH:
            await self._set_up(screen)
        url = urlsplit(self._stack["url"])
        return Ground(await self._spec(), url.hostname or "", url.port or 80)

    def introduce(self, screen: Screen) -> None:
        """Tell what a user's stack looks like before Chimera touches it."""
        screen.chapter("your service: version 1, black and white, runs on ECS")
        if self.platform == MESH:
            words = (
                "App Mesh decides which tasks get the traffic: each version's tasks are behind a "
                "virtual node, and the weights of a route say how much goes to which node."
            )
        else:
            words = (
                "A load balancer decides which tasks get the traffic: each version's tasks are in "
                "a target group, and the weights of a rule say how much goes to which group."
            )
        screen.say(words)
        screen.say(f"users reach it at {self._stack['url']}/")
        self._stood = self._list()
        screen.show_standing(TITLE, compared(self._stood, self._stood))

    async def begin(self, app: Chimera, spec: Spec) -> None:
        """Nothing: version 1 serves already, as in your account."""

    async def after(self, screen: Screen, view: RolloutView) -> None:
        """List the account anew, once what drains is gone."""
        now = await self._settled()
        canarys = (one for one in view.state.removed if one.revision == view.rollout.canary.name)
        made = (_thing_of(one) for one in canarys if one.kind in _LISTED)
        stood = {**{one.key: one for one in made}, **self._stood}
        screen.show_standing(f"{TITLE} now, listed by boto3 alone", compared(stood, now))
        self._stood = now

    async def clear(self, app: Chimera, spec: Spec) -> Sweep:
        """End what is under way; say what neither `gc` nor the account's own list explains."""
        await end_rollout(app, spec.service)
        swept = await app.gc(dry_run=True)
        serving = next(
            (
                view.rollout.id
                for view in await app.history(service=spec.service)
                if view.state.phase is Phase.SUCCEEDED
            ),
            "",
        )
        found = await asyncio.to_thread(things, self._session(), cluster=self._stack["cluster"])
        strange = tuple(
            Resource(one.kind, one.name, spec.service, "", one.tags[ROLLOUT])
            for one in found
            if one.tags.get(ROLLOUT, serving) != serving
        )
        return Sweep(swept.found, left=(*swept.found, *strange))

    async def close(self, *, keep: bool) -> None:
        """Stop the range, unless it is kept; point boto3 at what it was pointed at before."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before = {}
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdout is not None:
            child.stdout.close()
        if child.stdin is not None:
            with suppress(BrokenPipeError):
                child.stdin.write(_STAY if keep else b"")
                child.stdin.close()
        if keep:
            child.returncode = 0  # nobody waits for it: it outlives this process on purpose
            return
        child.terminate()
        try:
            await asyncio.to_thread(child.wait, DOWN_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def farewell(self, swept: Sweep) -> str:  # noqa: ARG002 - a list of the account said more
        """Return the sentence that says that nothing is left."""
        return (
            "0 left behind: `chimera gc` finds nothing, and a list of the account by boto3 alone "
            "shows version 2's own resources and nothing else of Chimera's. The range is gone, too."
        )

    def way_out(self, home: Path) -> str:
        """Return the command that removes what could not be removed; the range itself is gone."""
        return f"CHIMERA_HOME={home} chimera down --controller; rm -r {home}"

    def ways_on(self, home: Path) -> Sequence[tuple[str, str]]:
        """Return what one can do when it stays up."""
        service = self._stack["service"]
        return (
            exporting(home, **self._env),
            ("look at it:     ", f"chimera history; chimera logs {service} --looks"),
            ("look at AWS:    ", "chimera discover " + self.platform),
            ("its own pages:  ", f"{self._env['AWS_ENDPOINT_URL']}/_chimera/calls, faults, fronts"),
            sending(f"{self._stack['url']}/"),
            ("deploy again:   ", f"chimera deploy {home}/logo.yaml --version 1"),
            ("end it all:     ", f"chimera down --controller; kill {self._pid}; rm -r {home}"),
        )

    async def _start(self, home: Path) -> dict[str, Any]:
        log = home / "range.log"
        command = ("-m", "chimera", "sandbox", "aws", "--seed", _STACKS[self.platform], "-o")
        with log.open("wb") as errors:
            # A session of its own: Ctrl-C must not end it before the rollout in it has ended.
            child = self._child = subprocess.Popen(  # noqa: ASYNC220 - it takes a moment
                (sys.executable, *command, "json", "--held"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        loop, output = asyncio.get_running_loop(), child.stdout
        if output is None:
            raise AssertionError("a pipe was asked for")
        os.set_blocking(output.fileno(), False)
        until, line = loop.time() + UP_WITHIN_S, b""
        while not line.endswith(b"\n") and child.poll() is None and loop.time() < until:
            line += output.read() or b""
            await asyncio.sleep(0.05)
        if not line.endswith(b"\n"):
            words = log.read_text(errors="replace").strip().splitlines()
            reason = " / ".join(words[-3:]) or f"it was not up within {UP_WITHIN_S:.0f} s"
            raise ProviderUnavailable("sandbox", "start the practice range", reason)
        self._pid = child.pid
        told: dict[str, Any] = json.loads(line)
        return told

    def _point(self, env: Mapping[str, str]) -> None:
        self._env = {name: value for name, value in env.items() if name not in _NOWHERE}
        self._before = {name: os.environ.get(name) for name in (*env, *_NOT_OURS)}
        for name in _NOT_OURS:
            os.environ.pop(name, None)
        os.environ.update(env)

    async def _set_up(self, screen: Screen) -> None:
        cluster = self._stack["cluster"]
        screen.chapter(f"once per cluster: chimera setup {cluster}")
        screen.say("An agent publishes what Envoy counts to CloudWatch; Chimera judges by that.")
        async with Cloud() as cloud:
            made = await (await cloud.setup(Identity(), cluster)).apply()
        changes = [_made(one) for one in made]
        screen.show_standing("", changes)

    async def _spec(self) -> str:
        async with Cloud() as cloud:
            found = await cloud.discover(Identity(), self.platform, brief=True)
        chosen = next(one for one in found if one.kind == "service" and one.usable)
        text = cloud_spec(self.platform, chosen, found, strategy="fast", settings=_FASTER)
        return f"{text}{_SHORTER}"

    def _session(self) -> Any:
        return session_at(self._env["AWS_ENDPOINT_URL"], self._env["AWS_REGION"])

    def _list(self) -> dict[tuple[str, str], Thing]:
        found = things(self._session(), cluster=self._stack["cluster"])
        ours = (one for one in found if not one.tags.get(SETUP) and one.says != "forwards nothing")
        return {one.key: one for one in ours if one.kind not in surroundings.KINDS}

    async def _settled(self) -> Standings:
        """Return what stands once nothing drains any more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + GONE_WITHIN_S
        while True:
            now = await asyncio.to_thread(self._list)
            if loop.time() > until or all(one.says != "draining" for one in now.values()):
                return now
            await asyncio.sleep(0.3)


def compared(before: Standings, now: Standings) -> list[Standing]:
    """Return what stands now and what is gone since `before`, by kind and name."""
    found = []
    for kind, name in sorted({*before, *now}):
        was, one = before.get((kind, name)), now.get((kind, name))
        if one is None:
            found.append(Standing("-", kind, name, "gone"))
        else:
            changed = "~" if was and was.says != one.says else ""
            found.append(Standing(changed if was else "+", kind, name, one.says))
    return found


def _made(change: Change) -> Standing:
    return Standing(change.action, "", change.resource, change.why)


def _thing_of(resource: Resource) -> Thing:
    """Return what Chimera made and removed between two lists, named as a list would."""
    return Thing(_LISTED[resource.kind], resource.id.rpartition("/")[2], "made for the canary")
