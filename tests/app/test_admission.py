"""What an operator may deploy: versions, not targets."""

import pytest

from chimera.app.admission import check_target
from chimera.core.access import Kind, Principal, Role
from chimera.core.errors import NotAllowed
from chimera.core.spec import Spec, load
from chimera.platforms.local.options import LocalTarget

OPERATOR = Principal("otto", Kind.USER, {"*": Role.OPERATOR})
OWNER = Principal("ada", Kind.USER, {"*": Role.ADMIN})
OF_ONE = Principal("olga", Kind.USER, {"shop": Role.ADMIN})
TEXT = """\
version: 1
service: shop
target: {platform: local, port: 8080, command: "./shop {port}"}
strategy: fast
"""


def _spec(text: str = TEXT) -> Spec:
    return load(text, targets={"local": LocalTarget})


def test_an_operator_deploys_versions_and_chooses_the_plan() -> None:
    check_target(OPERATOR, _spec(TEXT.replace("fast", "careful") + "errorRate: 2%\n"), _spec())


@pytest.mark.parametrize(
    "changed",
    [
        ("./shop {port}", "./other {port}"),
        ("8080", "8081"),
        ("command:", "cwd: /etc, command:"),
        ("command:", "env: {LD_PRELOAD: x}, command:"),
    ],
)
@pytest.mark.parametrize("who", [OPERATOR, OF_ONE])
def test_only_an_admin_of_everything_changes_the_target(
    who: Principal, changed: tuple[str, str]
) -> None:
    spec = _spec(TEXT.replace(*changed))
    with pytest.raises(NotAllowed, match="target"):
        check_target(who, spec, _spec())
    check_target(OWNER, spec, _spec())


def test_the_first_time_is_an_admins() -> None:
    with pytest.raises(NotAllowed, match="never deployed"):
        check_target(OPERATOR, _spec(), None)
    check_target(OWNER, _spec(), None)
