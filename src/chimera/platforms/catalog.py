"""Find platforms and metric providers by name; their packages are imported when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import cast

from pydantic import BaseModel

from chimera.core.errors import UnknownAdapter
from chimera.ports.inventory import Inventory
from chimera.ports.platform import Platform, PlatformFactory
from chimera.ports.queries import QueryProvider

# name -> (where its factory is, where the model of its `target` is)
_PLATFORMS = {
    "ecs-alb": (
        "chimera.platforms.aws.albplatform:EcsAlbPlatform",
        "chimera.platforms.aws.alboptions:EcsAlbTarget",
    ),
    "ecs-appmesh": (
        "chimera.platforms.aws.platform:EcsAppMeshPlatform",
        "chimera.platforms.aws.options:EcsAppMeshTarget",
    ),
    "local": (
        "chimera.platforms.local.platform:LocalPlatform",
        "chimera.platforms.local.options:LocalTarget",
    ),
    "memory": (
        "chimera.platforms.memory.platform:MemoryPlatform",
        "chimera.platforms.memory.options:MemoryTarget",
    ),
}


# name -> (where it is made, the variables that it is made with)
_PROVIDERS = {
    "prometheus": (
        "chimera.platforms.prometheus.provider:Prometheus",
        ("CHIMERA_PROMETHEUS_URL", "CHIMERA_PROMETHEUS_TOKEN"),
    ),
}


def make_provider(name: str, environment: Mapping[str, str]) -> QueryProvider:
    """Make a metric provider from its variables; asks nothing. Raises UnknownAdapter."""
    if name not in _PROVIDERS:
        raise UnknownAdapter("metric provider", name, _PROVIDERS)
    place, variables = _PROVIDERS[name]
    factory = cast("Callable[..., QueryProvider]", _load(place))
    return factory(*(environment.get(variable, "") for variable in variables))


def names() -> tuple[str, ...]:
    """Return the names of all platforms, sorted."""
    return tuple(sorted(_PLATFORMS))


def option_models() -> Mapping[str, type[BaseModel]]:
    """Return by platform the model of `target` beyond its key `platform`."""
    return {name: cast("type[BaseModel]", _load(model)) for name, (_, model) in _PLATFORMS.items()}


def make(name: str, inventory: Inventory, folder: str) -> Platform:
    """Make a platform that keeps its files in `folder`; starts nothing. Raises UnknownAdapter."""
    if name not in _PLATFORMS:
        raise UnknownAdapter("platform", name, _PLATFORMS)
    factory = cast("PlatformFactory", _load(_PLATFORMS[name][0]))
    return factory(inventory, folder)


def _load(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


class Catalog:
    """The platforms of one process, each made when first asked for; `folder` holds one for each.

    environment: the variables that metric providers are made with.
    """

    def __init__(
        self, inventory: Inventory, folder: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._inventory = inventory
        self._folder = Path(folder)
        self._made: dict[str, Platform] = {}
        self._environment = dict(environment or {})
        self._providers: dict[str, QueryProvider] = {}

    def provider(self, name: str) -> QueryProvider:
        """Return the metric provider of that name, always the same one. Raises UnknownAdapter."""
        if name not in self._providers:
            self._providers[name] = make_provider(name, self._environment)
        return self._providers[name]

    def get(self, name: str) -> Platform:
        """Return the platform of that name, always the same one. Raises UnknownAdapter."""
        if name not in self._made:
            self._made[name] = make(name, self._inventory, str(self._folder / name))
        return self._made[name]

    def loaded(self) -> dict[str, Platform]:
        """Return the platforms made so far, by name."""
        return dict(self._made)

    def option_models(self) -> Mapping[str, type[BaseModel]]:
        """Return by platform the model of `target` beyond its key `platform`."""
        return option_models()

    async def start(self) -> None:
        """Start every platform, since each may have services to look after; all or none."""
        async with AsyncExitStack() as stack:
            for name in names():
                platform = self.get(name)
                stack.push_async_callback(platform.close)
                await platform.start()
            stack.pop_all()

    async def close(self) -> None:
        """Close every platform that was made; what serves users goes on."""
        async with AsyncExitStack() as stack:
            for platform in self._made.values():
                stack.push_async_callback(platform.close)
            for provider in self._providers.values():
                stack.push_async_callback(provider.close)
