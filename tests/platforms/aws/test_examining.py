"""What the doctor says of clocks, permissions and old numbers, where no range can show it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from chimera.core.errors import ProviderUnavailable
from chimera.platforms.aws.examining import check_clock, check_identity, permissions_check
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.session import Account, Accounts
from chimera.platforms.aws.simulation import Simulated, scope_of

AHEAD = timedelta(minutes=7)
REFUSED = (
    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
    "<Message>Signature not yet current</Message></Error></ErrorResponse>"
)
said = {"body": REFUSED}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An endpoint that says `said`, and whose clock is AHEAD of ours."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response_only(403)
            self.send_header("Date", format_datetime(datetime.now(UTC) + AHEAD, usegmt=True))
            self.send_header("Content-Length", str(len(said["body"])))
            self.end_headers()
            self.wfile.write(said["body"].encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


async def opened(accounts: Accounts) -> Account:
    return await accounts.open(Identity(), "sts", "ecs")


@pytest.mark.usefixtures("elsewhere")
async def test_a_clock_that_is_off_is_told_from_a_refusal() -> None:
    accounts = Accounts()
    account = await opened(accounts)
    assert check_clock(account).ok  # unknown: nothing was asked yet
    who = await check_identity(account)
    assert not who.ok
    clock = check_clock(account)
    accounts.close()
    assert not clock.ok
    assert clock.detail.startswith(("7 min behind AWS's", "6 min 5"))
    assert "NTP" in clock.fix


@pytest.mark.usefixtures("elsewhere")
async def test_what_a_proxy_says_instead_of_aws_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(said, "body", "<html>Sign in to our proxy")
    accounts = Accounts()
    account = await opened(accounts)
    with pytest.raises(ProviderUnavailable) as broken:
        await account.call(account.sts.get_caller_identity)
    accounts.close()
    assert "no good answer" in str(broken.value)
    assert "check the network" in broken.value.hint


def test_permissions_in_words() -> None:
    fine = permissions_check("ecs-alb", Simulated((), 40), whole=True)
    assert (fine.ok, fine.detail) == (True, "all 40 actions that were asked about are allowed")
    part = permissions_check("ecs-alb", Simulated((), 20), whole=False)
    assert "chimera doctor -f FILE" in part.detail
    unknown = permissions_check("ecs-alb", Simulated((), 0, "not allowed to ask"), whole=True)
    assert (unknown.ok, unknown.detail) == (True, "unknown: not allowed to ask")
    lost = tuple(f"ecs:Call{number}" for number in range(7))
    missing = permissions_check("ecs-alb", Simulated(lost, 40), whole=True)
    assert not missing.ok
    assert missing.detail.endswith("ecs:Call4 and 2 more")


def test_where_a_caller_works() -> None:
    scope = scope_of("arn:aws-cn:iam::123456789012:user/me", "cn-north-1", "a:b:cluster/prod")
    assert (scope.partition, scope.account, scope.cluster) == ("aws-cn", "123456789012", "prod")
    assert scope.mesh == "*"
