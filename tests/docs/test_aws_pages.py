"""The pages about AWS say what the code says: each permission with its reason, each option."""

from __future__ import annotations

from typing import get_args

import pytest
import yaml
from tests.support.pages import ROOT, blocks

from chimera.platforms.aws.pages import MODELS, options_table, permissions_page
from chimera.platforms.aws.permissions import PLATFORMS, PURPOSES, actions
from chimera.platforms.aws.reasons import WHY
from chimera.sandbox.faults import Kind, read_rules


def test_every_permission_has_its_reason_and_no_reason_is_left_over() -> None:
    assert set(WHY) == set(actions(PLATFORMS, PURPOSES))
    assert all(WHY.values())


def test_the_page_of_permissions_is_what_the_code_writes() -> None:
    page = (ROOT / "docs/reference/aws-permissions.md").read_text(encoding="utf-8")
    how = "run: python -m chimera.platforms.aws.pages > docs/reference/aws-permissions.md"
    assert page.rstrip() == permissions_page().rstrip(), how


@pytest.mark.parametrize("platform", MODELS)
def test_the_options_are_the_models(platform: str) -> None:
    page = (ROOT / "docs/reference/aws.md").read_text(encoding="utf-8")
    assert options_table(platform) in page, f"run: python -m chimera.platforms.aws.pages {platform}"


def test_the_faults_that_the_page_shows_are_rules_and_it_names_them_all() -> None:
    page = ROOT / "docs/how-to/practise-on-the-range.md"
    (shown,) = [block for block in blocks(page) if block.language == "yaml"]
    assert len(read_rules(yaml.safe_load(shown.text))) == 6
    text = page.read_text(encoding="utf-8")
    assert not [kind for kind in get_args(Kind) if f"`{kind}`" not in text]
