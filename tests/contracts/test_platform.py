"""The contract of `Platform`."""

import pytest
from pydantic import ValidationError
from tests.contracts.adapters import Rig

from chimera.core.errors import SpecError


def test_its_options_are_documented_and_complete(rig: Rig) -> None:
    fields = rig.platform.options.model_fields
    assert all(field.description for field in fields.values())
    with pytest.raises(ValidationError):
        rig.platform.options.model_validate({**rig.service.settings, "nonsense": 1})


async def test_a_revision_is_named_by_its_version(rig: Rig) -> None:
    assert rig.v1.name == "v1"
    assert rig.v1 == rig.platform.revision(rig.service, version="v1", image="")


async def test_a_revision_that_cannot_be_told_is_refused_with_a_hint(rig: Rig) -> None:
    with pytest.raises(SpecError) as refused:
        rig.platform.revision(rig.service, version="not a name!", image="")
    assert refused.value.hint or refused.value.problems


async def test_the_doctor_has_something_to_say(rig: Rig) -> None:
    checks = await rig.platform.doctor()
    assert checks
    assert all(check.name and check.detail for check in checks)
    assert all(check.ok or check.fix for check in checks)
