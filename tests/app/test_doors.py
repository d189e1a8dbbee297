"""How Chimera may be reached: never in the clear by others."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chimera.app.doors import access_settings, guard_settings
from chimera.app.settings import Settings
from chimera.core.access import Role
from chimera.core.errors import SpecError

OPEN = {"CHIMERA_LISTEN": "0.0.0.0:8470"}
NAMED = {"CHIMERA_PUBLIC_URL": "https://chimera.example"}
TLS = {"CHIMERA_TLS_CERT": "a.pem", "CHIMERA_TLS_KEY": "a.key"}


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"CHIMERA_LISTEN": "[::1]:9000"},
        {"CHIMERA_LISTEN": "localhost:9000"},
        {**OPEN, **NAMED, "CHIMERA_TRUSTED_PROXY": "10.0.0.7"},
        {**OPEN, **NAMED, **TLS},
        {**OPEN, **TLS, "CHIMERA_ALLOWED_HOSTS": "chimera.lan"},
        {**TLS, "CHIMERA_LISTEN": "10.0.0.4:8470"},
        {**OPEN, "CHIMERA_PUBLISHED": "127.0.0.1:8470"},
    ],
)
def test_what_nobody_can_read_along_is_allowed(env: dict[str, str]) -> None:
    guard_settings(env).refuse_open_bind()


@pytest.mark.parametrize("listen", ["0.0.0.0:8470", "10.0.0.4:8470", "[::]:8470", "host:8470"])
def test_an_open_bind_without_tls_is_refused(listen: str) -> None:
    with pytest.raises(SpecError, match="in the clear") as refused:
        guard_settings({"CHIMERA_LISTEN": listen}).refuse_open_bind()
    assert "CHIMERA_TLS_CERT" in refused.value.hint


@pytest.mark.parametrize("listen", ["0.0.0.0:8470", "[::]:8470"])
@pytest.mark.parametrize("safe", [TLS, {"CHIMERA_TRUSTED_PROXY": "10.0.0.7"}])
def test_every_address_is_none_to_open_it_by(listen: str, safe: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="none to open it by") as refused:
        guard_settings({"CHIMERA_LISTEN": listen, **safe}).refuse_open_bind()
    assert "CHIMERA_PUBLIC_URL" in refused.value.hint


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({**TLS, "CHIMERA_LISTEN": "10.0.0.4:8470"}, "https://10.0.0.4:8470"),
        ({**TLS, "CHIMERA_LISTEN": "[fd00::4]:8470"}, "https://[fd00::4]:8470"),
        ({**TLS, "CHIMERA_LISTEN": "Chimera.lan:443"}, "https://Chimera.lan:443"),
        ({**OPEN, **TLS, "CHIMERA_ALLOWED_HOSTS": "chimera.lan"}, "https://chimera.lan:8470"),
        ({**OPEN, **TLS, "CHIMERA_ALLOWED_HOSTS": "a.lan:443, b.lan"}, "https://a.lan:443"),
        ({**OPEN, **TLS, **NAMED}, "https://chimera.example"),
        ({**OPEN, **TLS, "CHIMERA_PUBLISHED": "127.0.0.1:9999"}, "https://127.0.0.1:9999"),
    ],
)
def test_the_address_that_is_printed_is_one_that_is_answered(env: dict[str, str], url: str) -> None:
    settings = guard_settings(env)
    settings.refuse_open_bind()
    place = urlsplit(settings.url)
    assert settings.url == url
    assert {place.netloc.lower(), place.netloc.lower().rpartition(":")[0]} & settings.names


@pytest.mark.parametrize("published", ["0.0.0.0:8470", "10.0.0.4:80", "8470", "127.0.0.1"])
def test_a_containers_port_must_come_out_on_loopback(published: str) -> None:
    with pytest.raises(SpecError, match="CHIMERA_PUBLISHED"):
        guard_settings({**OPEN, "CHIMERA_PUBLISHED": published})


def test_the_address_to_open_is_where_the_port_comes_out() -> None:
    assert guard_settings({**OPEN, "CHIMERA_PUBLISHED": "127.0.0.1:9999"}).url == (
        "http://127.0.0.1:9999"
    )


HOME = Path("/somewhere")
KEY = "k" * 32


def test_everything_has_a_safe_default() -> None:
    settings = Settings.from_environment({"CHIMERA_HOME": str(HOME)})
    assert settings.guard.url == "http://127.0.0.1:8470"
    assert settings.guard.trusted_proxy == ()
    assert settings.access.key_file == HOME / "secret.key"
    assert (settings.access.idle, settings.access.longest) == (
        timedelta(hours=12),
        timedelta(days=7),
    )
    assert settings.access.oidc is None


def test_what_is_said_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the client\n")
    env = {
        "CHIMERA_LISTEN": "[::1]:9000",
        "CHIMERA_PUBLIC_URL": "https://Chimera.example/",
        "CHIMERA_TRUSTED_PROXY": "10.0.0.7, fd00::/64",
        "CHIMERA_ALLOWED_HOSTS": "A.lan,b.lan:8443",
        "CHIMERA_SESSION_IDLE_HOURS": "1",
        "CHIMERA_SECRET_KEY": f"{KEY},{KEY}2",
        "CHIMERA_OIDC_ISSUER": "https://login.example/realms/main/",
        "CHIMERA_OIDC_CLIENT_ID": "chimera",
        "CHIMERA_OIDC_CLIENT_SECRET_FILE": str(secret),
        "CHIMERA_OIDC_ROLES": "sre=admin, shop=operator@shop,shop=viewer",
        "CHIMERA_PRIVATE_HOSTS": "Keys.lan:8443, 10.2.0.0/16",
    }
    guard, access = guard_settings(env), access_settings(env, HOME)
    assert (guard.host, guard.port, guard.url) == ("::1", 9000, "https://chimera.example")
    assert guard.secure
    assert guard.trusted_proxy == (ip_network("10.0.0.7/32"), ip_network("fd00::/64"))
    assert guard.allowed_hosts == ("a.lan", "b.lan:8443")
    assert access.idle == timedelta(hours=1)
    assert [one.get_secret_value() for one in access.secret_keys] == [KEY, f"{KEY}2"]
    assert access.oidc is not None
    assert access.oidc.issuer == "https://login.example/realms/main"
    assert access.oidc.private_hosts == ("keys.lan:8443", "10.2.0.0/16")
    assert access.oidc.client_secret.get_secret_value() == "of the client"
    assert access.oidc.roles == {
        "sre": {"*": Role.ADMIN},
        "shop": {"shop": Role.OPERATOR, "*": Role.VIEWER},
    }
    assert KEY not in repr(access)
    assert "of the client" not in repr(access)


WRONG = [
    ("CHIMERA_LISTEN", "8470"),
    ("CHIMERA_LISTEN", "::1:8470"),
    ("CHIMERA_LISTEN", "host:99999"),
    ("CHIMERA_PUBLIC_URL", "chimera.example"),
    ("CHIMERA_PUBLIC_URL", "https://chimera.example/path"),
    ("CHIMERA_PUBLIC_URL", "ftp://chimera.example"),
    ("CHIMERA_TRUSTED_PROXY", "proxy.example"),
    ("CHIMERA_TRUSTED_PROXY", "10.0.0.7/24"),
    ("CHIMERA_TLS_CERT", "cert.pem"),
    ("CHIMERA_SESSION_HOURS", "0"),
    ("CHIMERA_SESSION_IDLE_HOURS", "a while"),
    ("CHIMERA_SECRET_KEY", "short"),
    ("CHIMERA_SECRET_KEY_FILE", "/no/such/file"),
    ("CHIMERA_OIDC_ISSUER", "https://login.example"),
    ("CHIMERA_OIDC_CLIENT_ID", "chimera"),
]


@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_a_mistake_is_named_with_what_to_write(variable: str, value: str) -> None:
    with pytest.raises(SpecError, match=variable) as wrong:
        Settings.from_environment({"CHIMERA_HOME": str(HOME), variable: value})
    assert wrong.value.hint


@pytest.mark.parametrize("roles", ["sre", "=admin", "sre=boss"])
def test_a_group_without_a_role_is_refused(roles: str) -> None:
    env = {
        "CHIMERA_OIDC_ISSUER": "https://login.example",
        "CHIMERA_OIDC_CLIENT_ID": "chimera",
        "CHIMERA_OIDC_ROLES": roles,
    }
    with pytest.raises(SpecError):
        access_settings(env, HOME)


def test_two_places_for_one_key_are_refused() -> None:
    env = {"CHIMERA_SECRET_KEY": KEY, "CHIMERA_SECRET_KEY_FILE": "/no/such/file"}
    with pytest.raises(SpecError, match="both"):
        access_settings(env, HOME)
