"""Users and tokens over HTTP."""

import httpx
from tests.support.served import Served


async def test_a_user_is_added_changed_and_disabled(one: Served) -> None:
    async with one.client() as client:
        new = {"name": "grace", "roles": ["viewer"], "password": "correct horse battery"}
        made = await client.post("/api/v1/users", json=new)
        assert (made.status_code, made.json()["roles"]) == (201, ["viewer"])
        change = {"roles": ["operator@logo"], "disabled": True}
        changed = (await client.patch("/api/v1/users/grace", json=change)).json()
        assert (changed["roles"], changed["disabled"]) == (["operator@logo"], True)
        assert "battery" not in (await client.get("/api/v1/users")).text
        assert (await client.get("/api/v1/users/nobody-such")).status_code == 404
        link = (await client.post("/api/v1/users/otto/link")).json()
        assert link["url"].startswith(f"{one.url}/sign-in#")
        assert link["valid_minutes"] == 30
        later = (await client.post("/api/v1/users/otto/link", json={"hours": 24})).json()
        assert later["valid_minutes"] == 24 * 60
        never = await client.post("/api/v1/users/otto/link", json={"hours": 169})
        assert never.status_code == 422


async def test_a_token_works_until_it_is_revoked_and_is_shown_once(one: Served) -> None:
    async with one.client() as ada:
        made = (
            await ada.post("/api/v1/tokens", json={"name": "ci", "roles": ["operator@logo"]})
        ).json()
        bearer = {"authorization": f"Bearer {made['secret']}"}
        async with httpx.AsyncClient(base_url=one.url, headers=bearer) as ci:
            assert (await ci.get("/api/v1/me")).json()["roles"] == ["operator@logo"]
            escalated = await ci.post(
                "/api/v1/tokens", json={"name": "x", "roles": ["viewer@logo"]}
            )
            assert escalated.status_code == 403
            assert (await ci.get("/api/v1/users")).status_code == 403
            assert made["secret"] not in (await ada.get("/api/v1/tokens")).text
            place = f"/api/v1/tokens/{made['token']['id']}"
            assert (await ci.delete(place)).status_code == 204
            assert (await ci.get("/api/v1/me")).status_code == 401
        assert (await ada.delete("/api/v1/tokens/none")).status_code == 404


async def test_nobody_gives_more_than_he_has_or_sees_what_others_have(one: Served) -> None:
    async with one.client("victor") as client:
        more = await client.post("/api/v1/tokens", json={"name": "x", "roles": ["admin"]})
        assert more.status_code == 403
        assert (await client.get("/api/v1/tokens", params={"all": True})).status_code == 403
        theirs = (await client.get("/api/v1/tokens")).json()
        assert {token["user"] for token in theirs} == {"victor"}
        mine = await client.get("/api/v1/tokens", params={"user": "victor"})
        assert mine.json() == theirs
        assert (await client.get("/api/v1/tokens", params={"user": "otto"})).status_code == 403
        whole = await client.post("/api/v1/tokens", json={"name": "x", "user": "ada"})
        assert whole.status_code == 403
        others = (await one.access.tokens.all("otto"))[0].id
        assert (await client.delete(f"/api/v1/tokens/{others}")).status_code == 404


async def test_a_token_revokes_no_token_that_may_do_more(one: Served) -> None:
    async with one.client() as ada:
        made = [
            (await ada.post("/api/v1/tokens", json={"name": name, "roles": roles})).json()
            for name, roles in (
                ("reads", ["viewer@logo"]),
                ("reads too", ["viewer@logo"]),
                ("acts", ["operator@logo"]),
            )
        ]
        places = [f"/api/v1/tokens/{each['token']['id']}" for each in made]
        bearer = {"authorization": f"Bearer {made[0]['secret']}"}
        async with httpx.AsyncClient(base_url=one.url, headers=bearer) as reads:
            assert (await reads.delete(places[2])).status_code == 403
            assert [(await reads.delete(place)).status_code for place in places[1::-1]] == [204] * 2
        left = (await ada.get("/api/v1/tokens")).json()
        assert {each["name"] for each in left if not each["revoked"]} == {"acts", "test"}


async def test_a_change_that_is_refused_changes_nothing(one: Served) -> None:
    async with one.client() as ada:
        for change in (
            {"roles": ["admin"], "password": "short"},
            {"roles": ["admin"], "disabled": True, "password": ""},
            {"disabled": True, "roles": ["king"]},
        ):
            assert (await ada.patch("/api/v1/users/otto", json=change)).status_code == 422
        last = {"roles": ["viewer"], "password": "correct horse battery"}
        assert (await ada.patch("/api/v1/users/ada", json=last)).status_code == 403
    for name, role in (("otto", "operator"), ("ada", "admin")):
        found = await one.access.users.get(name)
        assert (dict(found.grants), found.disabled, found.has_password) == (
            {"*": role},
            False,
            False,
        )


async def test_what_was_done_is_in_the_trail(one: Served) -> None:
    async with one.client() as client:
        await client.post("/api/v1/users", json={"name": "grace", "roles": []})
        entries = (await client.get("/api/v1/audit/trail", params={"limit": 5})).json()
    assert (entries[0]["action"], entries[0]["target"]) == ("user.add", "grace")
    assert entries[0]["who"] == "token test of ada"


async def test_an_admin_lists_and_makes_the_tokens_of_others(one: Served) -> None:
    async with one.client() as ada:
        made = await ada.post("/api/v1/tokens", json={"name": "ci", "user": "olga"})
        assert made.json()["token"]["roles"] == ["operator@shop"]
        listed = (await ada.get("/api/v1/tokens", params={"user": "olga"})).json()
        assert {token["user"] for token in listed} == {"olga"}
        whole = (await ada.get("/api/v1/tokens", params={"all": True})).json()
        assert {token["user"] for token in whole} > {"ada", "olga"}
        ghost = await ada.post("/api/v1/tokens", json={"name": "ci", "user": "ghost"})
        assert (ghost.status_code, ghost.json()["detail"]) == (422, "no user 'ghost'")
