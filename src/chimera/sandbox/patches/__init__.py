"""The services that moto lacks or gets wrong, each action a function of one call."""

from importlib import import_module

_MODULES = (
    "appmesh",
    "autoscaling",
    "autoscaling_actions",
    "cloudmap",
    "cloudmap_instances",
    "cloudwatch",
    "ecs_clusters",
    "ecs_definitions",
    "ecs_services",
    "ecs_tasks",
    "elbv2",
    "iam",
    "widgets",
)


def load() -> None:
    """Let every module register its answers."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
