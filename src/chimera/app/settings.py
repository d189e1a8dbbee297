"""Where Chimera keeps its things and whom it talks to; read from the environment once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chimera.app.doors import AccessSettings, GuardSettings, access_settings, guard_settings
from chimera.core.errors import SpecError
from chimera.engine.settings import EngineSettings

_ENGINE_VARIABLES = {
    "CHIMERA_TEMPORAL_ADDRESS": "address",
    "CHIMERA_TEMPORAL_NAMESPACE": "namespace",
    "CHIMERA_TEMPORAL_TASK_QUEUE": "task_queue",
    "CHIMERA_TEMPORAL_TLS": "tls",
    "CHIMERA_TEMPORAL_TLS_CA": "tls_ca",
    "CHIMERA_TEMPORAL_TLS_CERT": "tls_cert",
    "CHIMERA_TEMPORAL_TLS_KEY": "tls_key",
    "CHIMERA_TEMPORAL_API_KEY": "api_key",
    "CHIMERA_TEMPORAL_BINARY": "binary",
}


_PROVIDER_VARIABLES = ("CHIMERA_PROMETHEUS_URL", "CHIMERA_PROMETHEUS_TOKEN")


@dataclass(frozen=True, slots=True)
class Settings:
    """home: the data folder. database_url: the ledger's, "" is SQLite in the data folder.

    keep_looks_days: for how long the ledger keeps looks; 0 is for ever. Events stay in any case.
    guard: how Chimera is reached. providers: the variables that metric providers are made with.
    """

    home: Path
    database_url: str = ""
    keep_looks_days: int = 90
    engine: EngineSettings = field(default_factory=EngineSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    signing_in: AccessSettings | None = None
    providers: Mapping[str, str] = field(default_factory=dict)

    @property
    def access(self) -> AccessSettings:
        """How people sign in; by default with a key of this data folder."""
        return self.signing_in or AccessSettings(key_file=self.home / "secret.key")

    @property
    def ledger_url(self) -> str:
        """The SQLAlchemy URL of the ledger."""
        from chimera.store import sqlite_url

        return self.database_url or sqlite_url(self.home / "ledger.db")

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables CHIMERA_*; SpecError names a bad one."""
        home = Path(env.get("CHIMERA_HOME") or _default_home(env)).expanduser().absolute()
        return cls(
            home=home,
            database_url=env.get("CHIMERA_DATABASE_URL", ""),
            keep_looks_days=_days(env, "CHIMERA_KEEP_LOOKS_DAYS", default=90),
            engine=_engine(env, home),
            guard=guard_settings(env),
            signing_in=access_settings(env, home),
            providers={name: env[name] for name in _PROVIDER_VARIABLES if env.get(name)},
        )


def _days(env: Mapping[str, str], variable: str, *, default: int) -> int:
    text = env.get(variable, "")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise SpecError(f"{variable} is '{text}'", hint="write a number of days; 0 is for ever")
    return int(text) if text else default


def _default_home(env: Mapping[str, str]) -> str:
    return f"{env.get('XDG_DATA_HOME') or '~/.local/share'}/chimera"


def _engine(env: Mapping[str, str], home: Path) -> EngineSettings:
    address = env.get("CHIMERA_TEMPORAL_ADDRESS", "")
    if address and not address.rpartition(":")[2].isdigit():
        raise SpecError(
            f"CHIMERA_TEMPORAL_ADDRESS is '{address}'", hint="write host:port, e.g. temporal:7233"
        )
    given: dict[str, Any] = {
        name: env[variable] for variable, name in _ENGINE_VARIABLES.items() if env.get(variable)
    }
    try:
        return EngineSettings(folder=home / "engine", **given)
    except ValidationError as error:
        names = {name: variable for variable, name in _ENGINE_VARIABLES.items()}
        problems = tuple(
            f"{names.get(str(next(iter(one['loc']), '')), 'CHIMERA_TEMPORAL_*')}: {one['msg']}"
            for one in error.errors()
        )
        raise SpecError("the environment's settings are wrong", problems=problems) from None
