"""What the range answers when AWS would refuse."""

from __future__ import annotations


class AwsError(Exception):
    """An error answer: `code` as in AWS's model, the HTTP `status`, and a message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class LostReply(Exception):
    """The answer is not sent: the connection ends as if the network had failed."""
