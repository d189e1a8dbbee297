"""Whether a service on ECS could have a rollout now: what `chimera doctor` says of AWS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chimera.core.errors import ChimeraError
from chimera.core.model import Service
from chimera.core.words import duration, percent
from chimera.platforms.aws import services
from chimera.platforms.aws.arms import Arm, arm_behind
from chimera.platforms.aws.cloudwatch import CloudWatchMetrics
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.found import ServiceFacts, Traffic
from chimera.platforms.aws.front import Front
from chimera.platforms.aws.permissions import ALB, DEPLOY
from chimera.platforms.aws.presence import check_agent, check_envoy
from chimera.platforms.aws.session import Account, Accounts
from chimera.platforms.aws.simulation import Simulated, scope_of, simulate
from chimera.platforms.aws.sites import Sites
from chimera.ports.platform import Check

# AWS refuses what was signed more than 5 minutes away; periods of metrics go by this clock.
_CLOCKS_DIFFER_S = 60.0
_LATE_PERIODS = 5


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines the services of one platform."""

    platform: str
    accounts: Accounts
    sites: Sites
    front: Front
    metrics: CloudWatchMetrics

    async def account(self, account: Account, cluster: str = "", mesh: str = "") -> list[Check]:
        """Check who we are there, and that we may do all that a rollout does."""
        checks = [await check_identity(account)]
        if not checks[0].ok:
            return checks
        if account.endpoint:
            said = f"calls go to {account.endpoint} instead of AWS"
            checks.append(Check("AWS endpoint", ok=True, detail=said))
        checks.append(check_clock(account))
        arn = checks[0].detail.partition(" ")[0]
        scope = scope_of(arn, account.region, cluster, mesh)
        found = await simulate(account, arn, scope, [self.platform], [DEPLOY])
        checks.append(permissions_check(self.platform, found, whole=bool(cluster)))
        return checks

    async def service(self, service: Service) -> tuple[Check, ...]:
        """Check all that a rollout of a service needs."""
        site = await self.sites.of(service)
        mesh = str(getattr(site.target, "mesh", ""))
        checks = await self.account(site.account, site.cluster, mesh)
        if not checks[0].ok:
            return tuple(checks)
        return (*checks, *(await self.facts(service)).checks)

    async def facts(self, service: Service) -> ServiceFacts:
        """Return what is to know of a service; its checks say what is wrong."""
        site = await self.sites.of(service)
        name = f"service {service.name}"
        try:
            stable = await arm_behind(site, await self.front.serving(site))
        except ChimeraError as error:
            wrong = Check(name, ok=False, detail=str(error), fix=error.hint)
            return ServiceFacts(service, None, "", 0, 0, None, (wrong,))
        checks = [await self._fit(site, stable, name)]
        traffic, seen = await self._metrics(site, stable)
        if self.platform != ALB:
            fresh = seen is not None and seen.ok
            await self.accounts.open(site.target.identity, "ec2")
            checks.append(await check_agent(site, stable, published=fresh))
            envoy = None if fresh or stable.idle else check_envoy(stable)
            if envoy and seen:
                seen = replace(seen, fix="give its Envoy what it lacks")
            checks += [envoy] if envoy else []
        checks += [seen] if seen else []
        running = int(stable.service["runningCount"])
        revision = None if stable.idle else stable.revision
        return ServiceFacts(
            *(service, revision, stable.image, stable.desired, running, traffic, tuple(checks))
        )

    async def _fit(self, site: Site, stable: Arm, name: str) -> Check:
        try:
            services.refuse_unfit(stable.service)
            await self.front.check(site, stable)
        except ChimeraError as error:
            return Check(name, ok=False, detail=str(error), fix=error.hint)
        runs = f"{stable.service['runningCount']} of {stable.desired} tasks run"
        said = "has no version yet" if stable.idle else f"runs {stable.revision.name}, {runs}"
        return Check(name, ok=True, detail=f"{said}; it can have a canary")

    async def _metrics(self, site: Site, stable: Arm) -> tuple[Traffic | None, Check | None]:
        if stable.idle:
            return None, None
        try:
            traffic = await self.metrics.recent(site.service, stable.revision)
        except ChimeraError as error:
            name = f"metrics of {stable.revision.name}"
            return None, Check(name, ok=False, detail=str(error), fix=error.hint)
        return traffic, self._traffic(traffic, site, stable)

    def _traffic(self, found: Traffic | None, site: Site, stable: Arm) -> Check:
        name, period_s = f"metrics of {stable.revision.name}", self.metrics.period_s(site)
        if found is None:
            fix = "send it requests; then see that the namespace and the period are right"
            if self.platform == ALB:
                fix = "send it requests: a load balancer publishes nothing without them"
            said = f"no number in the last {duration_of(15 * period_s)}: a rollout would wait"
            return Check(name, ok=False, detail=said, fix=fix)
        age_s = (datetime.now(UTC) - found.newest).total_seconds()
        said = (
            f"{found.rate:.3g} requests/s, {percent(found.error_rate)} failed; "
            f"the newest number is {duration_of(age_s)} old"
        )
        ok = age_s <= _LATE_PERIODS * period_s
        return Check(name, ok=ok, detail=said, fix="" if ok else "see why no new numbers come")


def duration_of(seconds: float) -> str:
    """Say a number of seconds."""
    return duration(timedelta(seconds=seconds))


async def check_identity(account: Account) -> Check:
    """Ask AWS who we are."""
    name = "AWS identity"
    try:
        answer = await account.call(account.sts.get_caller_identity)
        said = f"{answer['Arn']} in {account.region}, credentials from {account.source}"
    except ChimeraError as error:
        fix = error.hint or "log in, or set AWS_PROFILE and AWS_REGION"
        return Check(name, ok=False, detail=str(error), fix=fix)
    return Check(name, ok=True, detail=said)


def check_clock(account: Account) -> Check:
    """Compare this machine's clock with AWS's last answer."""
    name, behind = "clock", account.behind_s
    if behind is None:
        return Check(name, ok=True, detail="unknown: the answers bear no date")
    if abs(behind) <= _CLOCKS_DIFFER_S:
        return Check(name, ok=True, detail=f"within {_CLOCKS_DIFFER_S:.0f} s of AWS's")
    side = "behind" if behind > 0 else "ahead of"
    said = f"{duration_of(abs(behind))} {side} AWS's: it refuses calls that are 5 minutes off"
    return Check(name, ok=False, detail=said, fix="set the clock, e.g. by NTP")


def permissions_check(platform: str, found: Simulated, *, whole: bool) -> Check:
    """Say what may not be done. whole: the cluster was known, so everything was asked."""
    name = f"AWS permissions for {platform}"
    if found.unknown:
        return Check(name, ok=True, detail=f"unknown: {found.unknown}")
    if not found.missing:
        more = "" if whole else "; name a spec to ask about the rest: chimera doctor -f FILE"
        said = f"all {found.asked} actions that were asked about are allowed{more}"
        return Check(name, ok=True, detail=said)
    shown = ", ".join(found.missing[:5])
    shown += f" and {len(found.missing) - 5} more" if len(found.missing) > 5 else ""
    fix = f"allow them: chimera policy --platform {platform} prints the whole policy"
    return Check(name, ok=False, detail=f"{len(found.missing)} are missing: {shown}", fix=fix)
