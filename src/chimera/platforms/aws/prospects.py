"""What this machine has for AWS before anybody named anything: credentials, profiles, regions."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError

from chimera.platforms.aws.credentials import all_regions, profiles, session_of
from chimera.platforms.aws.errors import translate
from chimera.platforms.aws.found import Prospects
from chimera.platforms.aws.identity import Identity

NOTHING = (
    "Chimera's machine has no AWS credentials: give it a role, or a profile in its AWS "
    "configuration."
)


def look_here() -> Prospects:
    """Look without calling AWS; it may take seconds until it is clear that there is no role."""
    try:
        known = tuple(profiles())
        session = session_of(Identity())
        own = session.get_credentials() is not None
        region = session.region_name or ""
    except BotoCoreError as error:
        denied = translate(error, "configure")
        return Prospects(own=False, why_not=f"AWS is not set up here: {denied.reason}.")
    why_not = "" if own or known else NOTHING
    return Prospects(known, tuple(all_regions()), region, own, why_not)
