"""The options and arguments that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from chimera.cli.completing import refs
from chimera.cli.output import Format

if TYPE_CHECKING:
    from chimera.app.cloud import Identity

OutputOption = Annotated[
    Format,
    Option("--output", "-o", help="Form of the data on stdout; all else goes to stderr."),
]
Full = Annotated[bool, Option("--full", help="As data: with all that a rollout or a look holds.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Say nothing but data and errors.")]
Ref = Annotated[
    str,
    Argument(
        metavar="ROLLOUT",
        autocompletion=refs,
        show_default=False,
        help="A rollout's id, the beginning of one, or a service; default: the only live rollout.",
    ),
]
By = Annotated[
    str, Option("--by", help="Who asks, for the record; default: your user name.", metavar="NAME")
]
Reason = Annotated[str, Option("--reason", help="Why, for the record.", metavar="TEXT")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask. Needed where nobody can answer.")]

Region = Annotated[
    str, Option(help="AWS region; default: what boto3 is set up for.", metavar="NAME")
]
Profile = Annotated[str, Option(help="Profile of the AWS configuration.", metavar="NAME")]
Role = Annotated[str, Option(help="ARN of a role to assume on AWS.", metavar="ARN")]
ExternalId = Annotated[
    str, Option("--external-id", help="External id that the role asks for.", metavar="ID")
]


def identity_of(region: str, profile: str, role: str, external_id: str) -> Identity:
    """Return where and as whom calls of AWS are made."""
    from chimera.app.cloud import Identity

    return Identity(region, profile, role, external_id)
