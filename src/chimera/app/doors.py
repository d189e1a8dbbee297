"""What the operator chooses about signing in, and about how Chimera is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from chimera.core.access import Role, parse_grants
from chimera.core.errors import SpecError

Network = IPv4Network | IPv6Network
DEFAULT_PORT = 8470
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One OpenID Connect provider. roles: a group of the provider to what it grants here.

    private_hosts: hosts in private networks, beside the issuer, that its documents may lead to.
    """

    issuer: str
    client_id: str
    client_secret: SecretStr
    name: str = "single sign-on"
    roles: Mapping[str, Mapping[str, Role]] = field(default_factory=dict)
    groups_claim: str = "groups"
    private_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """How people sign in. secret_keys: the first encrypts, all decrypt; none: `key_file` is made.

    idle, longest: a session ends after that long without a request, and in any case after that.
    """

    key_file: Path
    secret_keys: tuple[SecretStr, ...] = ()
    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=7)
    oidc: OidcSettings | None = None


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """How Chimera is reached, and how much of it one may use.

    allowed_hosts: further names it answers to. trusted_proxy: whose X-Forwarded-* are believed.
    published: where a container's port comes out on its host, "" for none; only a loopback address
    will do.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxy: tuple[Network, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    published: str = ""
    max_body: int = 1_000_000
    body_timeout: timedelta = timedelta(seconds=15)
    streams: int = 1_000
    streams_per_user: int = 30
    writes_per_minute: int = 120
    reads_per_minute: int = 1_200

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_loopback(self.host)

    @property
    def wildcard(self) -> bool:
        """Whether it listens on every address, which is no name to open it by."""
        try:
            return ip_address(self.host).is_unspecified
        except ValueError:
            return False

    @property
    def names(self) -> frozenset[str]:
        """The hosts that it answers to, `name` or `name:port`; a name alone is on every port."""
        found = {*_LOOPBACK_NAMES, *self.allowed_hosts}
        if self.public_url:
            found.add(urlsplit(self.public_url).netloc)
        if not self.wildcard:
            found.add(_bracketed(self.host).lower())
        return frozenset(found)

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https."""
        return self.tls_cert is not None or self.public_url.startswith("https://")

    @property
    def url(self) -> str:
        """The address to open in a browser, without a slash at the end."""
        if self.public_url:
            return self.public_url
        scheme = "https" if self.tls_cert else "http"
        if self.published:
            return f"{scheme}://{self.published}"
        if self.wildcard and self.allowed_hosts:
            name = self.allowed_hosts[0]
            with_port = name.rpartition(":")[2].isdigit()
            return f"{scheme}://{name}" if with_port else f"{scheme}://{name}:{self.port}"
        return f"{scheme}://{_bracketed(self.host)}:{self.port}"

    def refuse_open_bind(self) -> None:
        """Raise SpecError if passwords would cross a network in the clear, or no name is known."""
        if not (self.loopback or self.tls_cert or self.trusted_proxy or self.published):
            raise SpecError(
                f"CHIMERA_LISTEN is {self.host}:{self.port}: others could read along in the clear",
                hint="set CHIMERA_TLS_CERT and CHIMERA_TLS_KEY; or name the TLS proxy in front of "
                "it in CHIMERA_TRUSTED_PROXY; or listen on 127.0.0.1; in a container say with "
                "CHIMERA_PUBLISHED=127.0.0.1:8470 that its port comes out on loopback alone",
            )
        if self.wildcard and not (self.public_url or self.allowed_hosts or self.published):
            raise SpecError(
                f"CHIMERA_LISTEN is {self.host}:{self.port}: every address, and none to open it by",
                hint="say what people type in CHIMERA_PUBLIC_URL, e.g. https://chimera.example.com;"
                " or listen on one address of this machine",
            )


def guard_settings(env: Mapping[str, str]) -> GuardSettings:
    """Read how Chimera is reached; SpecError names a bad variable."""
    host, port = _listen(env)
    cert, key = env.get("CHIMERA_TLS_CERT", ""), env.get("CHIMERA_TLS_KEY", "")
    if bool(cert) != bool(key):
        raise SpecError(
            "CHIMERA_TLS_CERT and CHIMERA_TLS_KEY belong together", hint="give both or none"
        )
    return GuardSettings(
        host=host,
        port=port,
        public_url=_public_url(env),
        allowed_hosts=tuple(one.lower() for one in _words(env, "CHIMERA_ALLOWED_HOSTS")),
        trusted_proxy=tuple(map(_network, _words(env, "CHIMERA_TRUSTED_PROXY"))),
        tls_cert=Path(cert).expanduser() if cert else None,
        tls_key=Path(key).expanduser() if key else None,
        published=_published(env),
    )


def access_settings(env: Mapping[str, str], home: Path) -> AccessSettings:
    """Read how people sign in; SpecError names a bad variable."""
    return AccessSettings(
        key_file=home / "secret.key",
        secret_keys=_secret_keys(env),
        idle=timedelta(hours=_hours(env, "CHIMERA_SESSION_IDLE_HOURS", 12)),
        longest=timedelta(hours=_hours(env, "CHIMERA_SESSION_HOURS", 168)),
        oidc=_oidc(env),
    )


def _words(env: Mapping[str, str], variable: str) -> list[str]:
    return env.get(variable, "").replace(",", " ").split()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listen(env: Mapping[str, str], variable: str = "CHIMERA_LISTEN") -> tuple[str, int]:
    text = env.get(variable) or f"127.0.0.1:{DEFAULT_PORT}"
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare and host == bare) or not port.isdigit() or int(port) > 65_535:
        raise SpecError(f"{variable} is '{text}'", hint="write host:port, e.g. 127.0.0.1:8470")
    return bare, int(port)


def _published(env: Mapping[str, str]) -> str:
    text = env.get("CHIMERA_PUBLISHED", "")
    if text and not _is_loopback(_listen(env, "CHIMERA_PUBLISHED")[0]):
        raise SpecError(
            f"CHIMERA_PUBLISHED is '{text}': others than this machine could reach it",
            hint="publish the port on 127.0.0.1 alone, or put a TLS proxy in front of it",
        )
    return text


def _public_url(env: Mapping[str, str]) -> str:
    text = env.get("CHIMERA_PUBLIC_URL", "").rstrip("/")
    if not text:
        return ""
    parts = urlsplit(text)
    plain = parts.hostname and not (parts.path or parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not plain:
        raise SpecError(
            f"CHIMERA_PUBLIC_URL is '{text}'", hint="write https://HOST, without a path"
        )
    return text.lower()


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise SpecError(
            f"CHIMERA_TRUSTED_PROXY is '{text}'",
            hint="write addresses or networks, e.g. 10.0.0.7 or 10.0.0.0/24",
        ) from None


def _hours(env: Mapping[str, str], variable: str, default: int) -> int:
    text = env.get(variable, "")
    if text and not (text.isascii() and text.isdigit() and 0 < int(text) <= 8_760):
        raise SpecError(f"{variable} is '{text}'", hint="write a number of hours, 1 to 8760")
    return int(text) if text else default


def _secret_keys(env: Mapping[str, str]) -> tuple[SecretStr, ...]:
    text = env.get("CHIMERA_SECRET_KEY", "")
    file = env.get("CHIMERA_SECRET_KEY_FILE", "")
    if text and file:
        raise SpecError(
            "both CHIMERA_SECRET_KEY and CHIMERA_SECRET_KEY_FILE are set", hint="set one of them"
        )
    if file:
        text = _read(file, "CHIMERA_SECRET_KEY_FILE")
    keys = tuple(SecretStr(one) for one in text.replace(",", " ").split())
    if any(len(one.get_secret_value()) < SHORTEST_KEY for one in keys):
        raise SpecError(
            f"CHIMERA_SECRET_KEY has a key of less than {SHORTEST_KEY} characters",
            hint="make one: `openssl rand -hex 32`",
        )
    return keys


def _read(file: str, variable: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SpecError(
            f"{variable}: cannot read {file}: {reason}", hint="name a file this user can read"
        ) from None


def _oidc(env: Mapping[str, str]) -> OidcSettings | None:
    issuer, client = env.get("CHIMERA_OIDC_ISSUER", ""), env.get("CHIMERA_OIDC_CLIENT_ID", "")
    if not issuer and not client:
        return None
    if not issuer or not client:
        raise SpecError(
            "CHIMERA_OIDC_ISSUER and CHIMERA_OIDC_CLIENT_ID belong together",
            hint="give both, as the provider shows them",
        )
    secret = env.get("CHIMERA_OIDC_CLIENT_SECRET", "")
    if file := env.get("CHIMERA_OIDC_CLIENT_SECRET_FILE", ""):
        secret = _read(file, "CHIMERA_OIDC_CLIENT_SECRET_FILE")
    return OidcSettings(
        issuer=issuer.rstrip("/"),
        client_id=client,
        client_secret=SecretStr(secret),
        name=env.get("CHIMERA_OIDC_NAME") or "single sign-on",
        roles=_groups(env),
        groups_claim=env.get("CHIMERA_OIDC_GROUPS_CLAIM") or "groups",
        private_hosts=tuple(one.lower() for one in _words(env, "CHIMERA_PRIVATE_HOSTS")),
    )


def _groups(env: Mapping[str, str]) -> dict[str, dict[str, Role]]:
    found: dict[str, dict[str, Role]] = {}
    for word in _words(env, "CHIMERA_OIDC_ROLES"):
        group, equals, grant = word.partition("=")
        if not group or not equals:
            raise SpecError(
                f"CHIMERA_OIDC_ROLES has '{word}'",
                hint="write GROUP=ROLE or GROUP=ROLE@SERVICE, e.g. sre=operator,dev=viewer@shop",
            )
        found.setdefault(group, {}).update(parse_grants([grant]))
    return found
