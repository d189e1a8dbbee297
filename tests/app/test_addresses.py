"""What a URL of a user may not lead to, in every spelling of it."""

import pytest

from chimera.app.addresses import place_of, refused_address
from chimera.core.errors import SpecError

WEB = place_of("https://example.com/")

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "64:ff9b::a00:1",
    "64:ff9b:1::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
]
NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
]
SPELLED = [
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://169.254.43518/",
    "http://127.1/",
    "http://017700000001/",
    "http://example.com@169.254.169.254/",
    "http://user:pa55@example.com/",
    "http://[::1/",
    "http://example.com:port/",
    "http://example.com:99999/",
    "http:///path",
    "http://exa mple.com/",
    "http://example.com\\@10.0.0.1/",
    "http://example.com/\r\nHost: inside",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://example.com/",
    "javascript:alert(1)",
    "example.com",
    "",
]


@pytest.mark.parametrize("address", [*PRIVATE, *NEVER])
def test_the_inside_is_refused(address: str) -> None:
    assert refused_address(WEB, address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_the_outside_is_not(address: str) -> None:
    assert refused_address(WEB, address) == ""


@pytest.mark.parametrize("address", NEVER)
def test_what_gives_credentials_is_refused_even_to_a_named_host(address: str) -> None:
    assert refused_address(WEB, address, ("example.com", "0.0.0.0/0", "::/0"))


@pytest.mark.parametrize("url", SPELLED)
def test_an_odd_url_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(SpecError, match="cannot be used") as caught:
        place_of(url)
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("port", [22, 25, 111, 445, 6379, 5432, 9200, 2375, 11211])
def test_ports_that_are_not_the_web_s_are_refused(port: int) -> None:
    assert "port" in refused_address(place_of(f"http://example.com:{port}/"), "8.8.8.8")


@pytest.mark.parametrize("port", [80, 443, 8080, 8443, 9090, 3000])
def test_ports_of_the_web_are_not(port: int) -> None:
    assert refused_address(place_of(f"http://example.com:{port}/"), "8.8.8.8") == ""


@pytest.mark.parametrize(
    ("named", "url", "address", "allowed"),
    [
        ("prom.lan", "http://prom.lan:9090/", "10.1.2.3", True),
        ("prom.lan:9090", "http://prom.lan:9090/", "10.1.2.3", True),
        ("prom.lan:9090", "http://prom.lan:22/", "10.1.2.3", False),
        ("prom.lan", "http://other.lan/", "10.1.2.3", False),
        ("10.1.0.0/16", "http://any.lan:9090/", "10.1.2.3", True),
        ("10.1.0.0/16", "http://any.lan/", "10.2.2.3", False),
        ("10.1.0.0/16", "http://any.lan/", "::ffff:10.2.2.3", False),
        ("localhost", "http://localhost:3000/", "::1", True),
        ("localhost", "http://localhost:3000/", "127.0.0.1", True),
    ],
)
def test_the_operator_names_what_is_allowed_inside(
    named: str, url: str, address: str, allowed: bool
) -> None:
    assert (refused_address(place_of(url), address, (named,)) == "") is allowed
