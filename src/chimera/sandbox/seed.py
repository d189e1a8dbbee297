"""A user's stack in one call, by boto3 alone: it would do the same on AWS itself."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from chimera.core.errors import ProviderUnavailable
from chimera.sandbox.seed_ecs import create_service, register_task_definition
from chimera.sandbox.seed_routes import create_load_balancer, create_mesh

Json = dict[str, Any]
VERSIONS = ("1", "2", "3")


@dataclass(frozen=True, slots=True)
class Stack:
    """The names of what was built; those of the way not taken are ""."""

    account: str
    region: str
    cluster: str
    service: str
    family: str
    container: str
    port: int
    image: str
    vpc: str
    subnets: tuple[str, ...]
    security_group: str
    task_role: str
    execution_role: str
    namespace: str = ""
    cloud_map_service: str = ""
    mesh: str = ""
    virtual_router: str = ""
    route: str = ""
    virtual_node: str = ""
    virtual_service: str = ""
    load_balancer: str = ""
    listener: str = ""
    rule: str = ""
    target_group: str = ""
    target_group_2: str = ""
    front: str = ""

    def as_dict(self) -> Json:
        """Return the names that are not empty."""
        return {name: value for name, value in asdict(self).items() if value}


def build(
    session: Any,
    *,
    kind: str = "appmesh",
    service: str = "logo",
    cluster: str = "practice",
    version: str = "1",
    tasks: int = 2,
    wait_s: float = 60.0,
) -> Stack:
    """Build network, roles, repository, cluster, routes and a running service; return the names.

    kind: "appmesh" or "alb". wait_s: how long its tasks may take to run, 0 not to wait. What stands
    already, like the cluster of an earlier call, is used. Raises ProviderUnavailable.
    """
    account = session.client("sts").get_caller_identity()["Account"]
    network = _network(session.client("ec2"))
    roles = _roles(session.client("iam"))
    image = _repository(session.client("ecr"), service)
    ecs = session.client("ecs")
    ecs.create_cluster(clusterName=cluster)
    names: Json = {
        "account": account,
        "region": ecs.meta.region_name,
        "cluster": cluster,
        "service": service,
        "family": service,
        "container": "app",
        "port": 8080,
        "image": image,
        **network,
        **roles,
    }
    names |= (
        create_mesh(session, names) if kind == "appmesh" else create_load_balancer(session, names)
    )
    register_task_definition(ecs, names, version)
    create_service(ecs, names, tasks)
    if wait_s:
        wait_until_running(ecs, cluster, service, wait_s)
    return Stack(**names)


def wait_until_running(ecs: Any, cluster: str, service: str, within_s: float) -> None:
    """Wait until a service's deployment is complete. Raises ProviderUnavailable."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        (found,) = ecs.describe_services(cluster=cluster, services=[service])["services"]
        if found["deployments"] and found["deployments"][0]["rolloutState"] == "COMPLETED":
            return
        time.sleep(0.1)
    why = found["events"][0]["message"] if found["events"] else "no task has started"
    raise ProviderUnavailable("sandbox", f"start service {service}", why)


def _network(ec2: Any) -> Json:
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["practice"]}])["Vpcs"]
    if vpcs:
        vpc = vpcs[0]["VpcId"]
        mine = [{"Name": "vpc-id", "Values": [vpc]}]
        subnets = tuple(one["SubnetId"] for one in ec2.describe_subnets(Filters=mine)["Subnets"])
        groups = ec2.describe_security_groups(Filters=mine)["SecurityGroups"]
        group = next(one["GroupId"] for one in groups if one["GroupName"] == "practice")
        return {"vpc": vpc, "subnets": subnets, "security_group": group}
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "practice"}])
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = tuple(
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.77.{place}.0/24", AvailabilityZone=zone)[
            "Subnet"
        ]["SubnetId"]
        for place, zone in enumerate(zones[:2])
    )
    group = ec2.create_security_group(
        GroupName="practice", Description="The tasks of the practice range", VpcId=vpc
    )["GroupId"]
    inside = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[inside])
    return {"vpc": vpc, "subnets": subnets, "security_group": group}


def _roles(iam: Any) -> Json:
    managed = "arn:aws:iam::aws:policy"
    return {
        "task_role": _role(iam, "practice-task", f"{managed}/AWSAppMeshEnvoyAccess"),
        "execution_role": _role(
            iam,
            "practice-execution",
            f"{managed}/service-role/AmazonECSTaskExecutionRolePolicy",
        ),
    }


def _role(iam: Any, name: str, policy: str) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    try:
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    except iam.exceptions.EntityAlreadyExistsException:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    return str(arn["Role"]["Arn"])


def _repository(ecr: Any, name: str) -> str:
    try:
        uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    except ecr.exceptions.RepositoryAlreadyExistsException:
        found = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        return str(found[0]["repositoryUri"])
    for version in VERSIONS:
        ecr.put_image(repositoryName=name, imageTag=version, imageManifest=_manifest(name, version))
    return str(uri)


def _manifest(name: str, version: str) -> str:
    import hashlib

    digest = hashlib.sha256(f"{name}:{version}".encode()).hexdigest()
    layer = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "size": 4096,
        "digest": f"sha256:{digest}",
    }
    config = {**layer, "mediaType": "application/vnd.oci.image.config.v1+json"}
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [layer],
            "annotations": {"org.opencontainers.image.version": version},
        }
    )
