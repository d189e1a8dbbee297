"""Users, tokens and the trail, here and over the API: both answer alike."""

import httpx
import pytest
from tests.support.access import TEST
from tests.support.served import Served

from chimera.app.login import Login
from chimera.app.people import People, PeopleHere
from chimera.core.access import Role
from chimera.core.errors import NotAllowed, NotSignedIn, SpecError
from chimera.remote import people as remote
from chimera.remote.client import ApiClient
from chimera.remote.people import RemotePeople

SHOP = {"shop": Role.OPERATOR}


@pytest.fixture(params=["here", "there"])
def people(one: Served, client: ApiClient, request: pytest.FixtureRequest) -> People:
    """The people of the same Chimera."""
    if request.param == "here":
        return PeopleHere(one.access, TEST, one.url)
    return RemotePeople(client)


async def named(people: People) -> dict[str, tuple[dict[str, Role], bool]]:
    return {one.name: (dict(one.grants), one.disabled) for one in await people.users()}


async def test_users_are_added_changed_and_listed(people: People) -> None:
    added = await people.add_user("grace", SHOP)
    assert (added.name, dict(added.grants), added.has_password) == ("grace", SHOP, False)
    assert dict((await people.grant("grace", {"*": Role.VIEWER})).grants) == {"*": Role.VIEWER}
    assert (await people.set_disabled("grace", disabled=True)).disabled
    assert (await named(people))["grace"] == ({"*": Role.VIEWER}, True)
    assert not (await people.set_disabled("grace", disabled=False)).disabled
    assert (await named(people))["ada"] == ({"*": Role.ADMIN}, False)


async def test_a_password_signs_in(one: Served, people: People) -> None:
    await people.set_password("otto", "correct horse battery")
    assert await one.access.sessions.sign_in("otto", "correct horse battery", source="test")


async def test_a_link_leads_to_its_page_and_signs_in_once(one: Served, people: People) -> None:
    url = await people.link("otto", hours=48)
    page, _, code = url.partition("/sign-in#")
    assert page == one.url
    assert await one.access.sessions.sign_in_by_link(code, source="test")
    with pytest.raises(NotSignedIn):
        await one.access.sessions.sign_in_by_link(code, source="test")


async def test_a_token_has_what_is_given_or_all_its_owner_has(one: Served, people: People) -> None:
    secret, whole = await people.make_token("olga", "ci", {}, days=7)
    assert (whole.user, dict(whole.grants)) == ("olga", SHOP)
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {secret}"}) as ci:
        assert (await ci.get(f"{one.url}/api/v1/me")).json()["roles"] == ["operator@shop"]
    _, less = await people.make_token("otto", "look", {"*": Role.VIEWER}, days=7)
    assert dict(less.grants) == {"*": Role.VIEWER}
    with pytest.raises(NotAllowed, match="may not give a token admin"):
        await people.make_token("otto", "more", {"*": Role.ADMIN}, days=7)


async def test_tokens_are_listed_and_revoked(people: People) -> None:
    _, made = await people.make_token("olga", "ci", {}, days=7)
    assert {token.user for token in await people.tokens()} >= {"ada", "otto", "olga"}
    assert {token.user for token in await people.tokens("olga")} == {"olga"}
    await people.revoke(made.id)
    (found,) = [token for token in await people.tokens("olga") if token.id == made.id]
    assert found.revoked


async def test_the_trail_is_read_to_the_end_asked_for(
    one: Served, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_PAGE", 2)
    whole = await one.access.audit.entries(limit=100)
    assert await people.trail(limit=5) == whole[:5]
    assert await people.trail(limit=100) == whole


async def test_the_last_admin_stays(people: People) -> None:
    with pytest.raises(NotAllowed, match="ada is the last admin"):
        await people.set_disabled("ada", disabled=True)
    with pytest.raises(NotAllowed, match="ada is the last admin"):
        await people.grant("ada", {})


@pytest.mark.parametrize("name", ["ghost", "../ada", "a/b", ""])
async def test_who_is_not_there_is_a_mistake_of_the_command(people: People, name: str) -> None:
    asked = (
        people.grant(name, {}),
        people.set_disabled(name, disabled=True),
        people.set_password(name, "correct horse battery"),
        people.link(name, hours=1),
        people.make_token(name, "ci", {}, days=1) if name else people.revoke("none"),
        people.revoke(name or "none"),
    )
    for one in asked:
        with pytest.raises(SpecError, match=r"no (user|token) ") as wrong:
            await one
        assert wrong.value.hint.startswith("`chimera ")


@pytest.mark.parametrize("name", ["ada", "../ada"])
async def test_a_name_that_cannot_be_added_is_refused(people: People, name: str) -> None:
    with pytest.raises(SpecError, match=r"already|cannot be a user's name"):
        await people.add_user(name, {})


async def test_who_is_no_admin_sees_his_own_tokens_alone(one: Served) -> None:
    client = ApiClient(Login(one.url, one.tokens["victor"]))
    people = RemotePeople(client)
    assert {token.user for token in await people.tokens()} == {"victor"}
    for asked in (people.tokens("otto"), people.users(), people.trail(limit=1)):
        with pytest.raises(NotAllowed):
            await asked
    await client.close()
