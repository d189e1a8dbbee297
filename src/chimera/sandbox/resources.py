"""What a call is about, as IAM sees it: the ARNs that a policy's statements are held against.

As in AWS's Service Authorization Reference, which knows resources for some actions only: to list a
mesh's nodes is a call on the mesh, to describe a listener one on nothing in particular.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chimera.sandbox.wire import Asked

Json = Mapping[str, Any]
Named = Callable[[str], str]

_IN_A_CLUSTER = {"ListTasks", "DescribeTasks", "ListServices", "DescribeServices", "CreateService"}
_IN_A_CLUSTER |= {"UpdateService", "DeleteService"}
_OF_GROUPS = {"ModifyTargetGroupAttributes", "ModifyTargetGroup", "DeleteTargetGroup"}


def resources(asked: Asked, params: Json, account: str) -> tuple[str, ...]:
    """Return the ARNs that a call is judged on; none where any resource will do."""
    of = KINDS.get(asked.service)
    if of is None:
        return ()
    region = "" if asked.service == "iam" else asked.region
    prefix = {"elbv2": "elasticloadbalancing"}.get(asked.service, asked.service)

    def arn(rest: str) -> str:
        return rest if rest.startswith("arn:") else f"arn:aws:{prefix}:{region}:{account}:{rest}"

    return of(asked.action, params, arn)


def context(asked: Asked, params: Json, account: str) -> dict[str, str] | None:
    """Return what a policy's conditions are held against, None if all count as met."""
    if asked.service != "ecs" or asked.action not in _IN_A_CLUSTER:
        return None
    cluster = f"arn:aws:ecs:{asked.region}:{account}:cluster/{_cluster(params)}"
    return {"ecs:cluster": cluster}


def _cluster(params: Json) -> str:
    return str(params.get("cluster") or "default").rpartition("/")[2]


def _of_ecs(action: str, params: Json, arn: Named) -> tuple[str, ...]:
    if action == "DeleteTaskDefinitions":
        return tuple(arn(f"task-definition/{_tail(one)}") for one in params["taskDefinitions"])
    names = {
        "CreateService": [params.get("serviceName")],
        "UpdateService": [params.get("service")],
        "DeleteService": [params.get("service")],
        "DescribeServices": params.get("services"),
    }.get(action)
    return tuple(arn(f"service/{_cluster(params)}/{_tail(one)}") for one in names or ())


def _tail(name: Any) -> str:
    return str(name).rpartition("/")[2]


def _of_meshes(_: str, params: Json, arn: Named) -> tuple[str, ...]:
    if "resourceArn" in params:
        return (str(params["resourceArn"]),)
    if "meshName" not in params:
        return ()
    path = f"mesh/{params['meshName']}"
    for kind in ("virtualRouter", "route", "virtualNode", "virtualService"):
        # What is made is named already, what is listed is not: that is a call on what holds it.
        name = params.get(f"{kind}Name")
        path += f"/{kind}/{name}" if name else ""
    return (arn(path),)


def _of_balancers(action: str, params: Json, arn: Named) -> tuple[str, ...]:
    if action == "CreateTargetGroup":
        return (arn(f"targetgroup/{params['Name']}/0"),)
    if action == "AddTags":
        return tuple(params["ResourceArns"])
    wanted = {"ModifyRule": "RuleArn", "ModifyListener": "ListenerArn"}
    key = "TargetGroupArn" if action in _OF_GROUPS else wanted.get(action, "")
    return (str(params[key]),) if key else ()


def _of_repositories(action: str, params: Json, arn: Named) -> tuple[str, ...]:
    name = params.get("repositoryName")
    return (arn(f"repository/{name}"),) if name and action == "DescribeImages" else ()


def _of_iam(action: str, params: Json, arn: Named) -> tuple[str, ...]:
    if action == "SimulatePrincipalPolicy":
        return (str(params["PolicySourceArn"]),)
    return (arn(f"role/{params['RoleName']}"),) if params.get("RoleName") else ()


# By service: the ARNs of an action with its parameters.
KINDS: Mapping[str, Callable[[str, Json, Named], tuple[str, ...]]] = {
    "ecs": _of_ecs,
    "appmesh": _of_meshes,
    "elbv2": _of_balancers,
    "ecr": _of_repositories,
    "iam": _of_iam,
}
