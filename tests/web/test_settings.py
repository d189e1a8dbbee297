"""Settings: users, tokens and passwords, by forms."""

import re

import httpx
from tests.support.access import Browser
from tests.support.served import Served


async def test_an_admin_adds_users_who_set_their_own_password(site: Served, ada: Browser) -> None:
    await ada.get("/settings/users")
    made = await ada.post("/settings/users", {"name": "lin", "roles": "operator@warm viewer"})
    link = re.search(r"http://[^<]+/sign-in#([\w-]+)", made.text)
    assert link
    assert await site.access.sessions.sign_in_by_link(link[1], source="127.0.0.1")
    twice = await ada.post("/settings/users", {"name": "lin", "roles": "viewer"})
    assert twice.status_code == 400
    assert "There is a user &#39;lin&#39; already." in twice.text
    await ada.post("/settings/users/lin/roles", {"roles": "admin"})
    assert (await site.access.users.get("lin")).grants == {"*": "admin"}
    wrong = await ada.post("/settings/users/lin/roles", {"roles": "king"})
    assert "is no role" in wrong.text
    await ada.post("/settings/users/lin/disable")
    assert (await site.access.users.get("lin")).disabled
    for name in ("ada", "lin"):
        last = await ada.post(f"/settings/users/{name}/disable")
    assert (await ada.post("/settings/users/lin/dance")).status_code == 400
    assert last.status_code in {303, 400}
    assert "user.disable" in (await ada.get("/settings/audit")).text


async def test_a_token_is_shown_once_and_revoked(site: Served, ada: Browser) -> None:
    await ada.get("/settings/tokens")
    made = await ada.post(
        "/settings/tokens", {"name": "ci", "role": "viewer", "service": "warm", "days": "7"}
    )
    token = re.search(r"chm_[\w-]+", made.text)
    assert token
    async with httpx.AsyncClient(base_url=site.url) as client:
        bearer = {"authorization": f"Bearer {token[0]}"}
        assert (await client.get("/api/v1/rollouts/warm-1", headers=bearer)).status_code == 200
        assert (await client.get("/api/v1/rollouts/baking-1", headers=bearer)).status_code == 403
    again = (await ada.get("/settings/tokens")).text
    assert token[0] not in again
    (id_,) = re.findall(r'action="/settings/tokens/(\w+)/revoke">[^>]+>[^>]+Revoke ci', again)
    await ada.post(f"/settings/tokens/{id_}/revoke")
    assert "revoked" in (await ada.get("/settings/tokens")).text
    many = await ada.post("/settings/tokens", {"name": "x", "role": "viewer", "days": "9999"})
    assert "valid for 1 to 366 days" in many.text


async def test_a_password_is_changed_with_the_old_one(site: Served, ada: Browser) -> None:
    await ada.get("/settings")
    short = await ada.post("/settings/password", {"new": "short"})
    assert short.status_code == 400
    assert "at least 12 characters" in short.text
    done = await ada.post("/settings/password", {"new": "correct horse battery"})
    assert "The password is changed" in done.text
    wrong = await ada.post("/settings/password", {"old": "no", "new": "another long password"})
    assert "The old password is wrong." in wrong.text
