"""Empty variables are none, as compose files and CI systems set them where nothing was chosen."""

import os
import re
from pathlib import Path

import pytest

from chimera.platforms.aws.credentials import session_of
from chimera.platforms.aws.identity import Identity

ROOT = Path(__file__).parents[3]
EMPTY = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_RETRY_MODE"),
    *("AWS_DEFAULTS_MODE", "AWS_MAX_ATTEMPTS", "AWS_METADATA_SERVICE_TIMEOUT"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)


def test_empty_variables_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in EMPTY:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    session = session_of(Identity())
    assert session.client("sts").meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"
    assert session.get_credentials() is None


@pytest.mark.parametrize("file", sorted(ROOT.glob("compose*.yaml")), ids=lambda file: file.name)
def test_compose_leaves_out_what_is_not_set(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.search(r"^ +AWS_REGION:$", text, re.MULTILINE)
    assert re.findall(r"AWS_\w+:.*:-\}", text) == []
