"""Commands of the AWS CLI as a page shows them, carried out by boto3: as much as pages need."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from string import Template
from typing import Any

import jmespath  # type: ignore[import-untyped]
import yaml
from botocore import xform_name

_ASSIGNED = re.compile(r"^(\w+)=\$\((.*)\)$")


class AwsCli:
    """Runs commands against a session; `variables` are the shell's."""

    def __init__(self, session: Any, folder: Path, variables: dict[str, str]) -> None:
        self._session = session
        self._folder = folder
        self.variables = variables

    def run(self, line: str) -> Any:
        """Carry out one line: a command, or a variable that is given what one prints."""
        assigned = _ASSIGNED.match(line)
        answer = self._call(assigned[2] if assigned else line)
        if assigned:
            self.variables[assigned[1]] = str(answer)
        return answer

    def _call(self, command: str) -> Any:
        words = shlex.split(Template(command).substitute(self.variables))
        aws, service, operation, *rest = words
        assert aws == "aws"
        client = self._session.client(service)
        api = client.meta.method_to_api_mapping[operation.replace("-", "_")]
        members = client.meta.service_model.operation_model(api).input_shape.members
        named = {xform_name(name).replace("_", "-"): (name, s) for name, s in members.items()}
        given = dict(zip(rest[::2], rest[1::2], strict=True))
        query, _ = given.pop("--query", ""), given.pop("--output", "")
        file = given.pop("--cli-input-json", "")
        request = {}
        if file:
            request = yaml.safe_load((self._folder / file.removeprefix("file://")).read_text())
        for option, text in given.items():
            name, shape = named[option.removeprefix("--")]
            request[name] = _value(shape, text)
        answer = getattr(client, operation.replace("-", "_"))(**request)
        return jmespath.search(query, answer) if query else answer


def _value(shape: Any, text: str) -> Any:
    """Read a value: a scalar, `k=v,k=v`, `{...}` or `[...]`, as the shape wants it."""
    if shape.type_name == "list":
        inner = text[1:-1] if text.startswith("[") else text
        if shape.member.type_name == "structure":
            return [_value(shape.member, inner)]
        return [_value(shape.member, part) for part in _parts(inner)]
    if shape.type_name == "structure":
        pairs = [part.partition("=") for part in _parts(text.removeprefix("{").removesuffix("}"))]
        return {name: _value(shape.members[name], value) for name, _, value in pairs}
    if shape.type_name in {"integer", "long"}:
        return int(text)
    return text == "true" if shape.type_name == "boolean" else text


def _parts(text: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
