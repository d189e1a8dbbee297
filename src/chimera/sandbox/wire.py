"""Requests and answers in the protocols that AWS speaks: JSON, REST, query, CBOR."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

from chimera.sandbox.errors import AwsError

Json = dict[str, Any]

# The name in a signature -> the name of the model.
_SIGNING = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
_CONTENT = {
    "json": "application/x-amz-json-1.1",
    "rest-json": "application/json",
    "cbor": "application/cbor",
    "query": "text/xml",
    "ec2": "text/xml",
}
# The model's name -> the prefix of its permissions.
_PREFIX = {"elbv2": "elasticloadbalancing"}
_CBOR_PATH = re.compile(r"^/service/[^/]+/operation/(\w+)$")


def iam_prefix(service: str) -> str:
    """Return the prefix that a service's permissions have."""
    return _PREFIX.get(service, service)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, its body read."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for; action is "" where only moto knows."""

    service: str
    region: str
    action: str
    protocol: str
    path_params: Json
    access_key: str


def read_request(request: Request, default_region: str) -> Asked:
    """Tell service, region, action and protocol of a request. Raises AwsError."""
    scope = re.search(r"Credential=([^,\s]+)", request.headers.get("authorization", ""))
    parts = scope.group(1).split("/") if scope else []
    access_key, _, region, signed = parts[:4] if len(parts) == 5 else ("", "", default_region, "")
    service = _SIGNING.get(signed, signed)
    if cbor := _CBOR_PATH.match(request.path):
        return Asked(service, region, cbor.group(1), "cbor", {}, access_key)
    if target := request.headers.get("x-amz-target"):
        return Asked(service, region, target.rpartition(".")[2], "json", {}, access_key)
    if service == "appmesh":
        action, params = _route(service, request.method, request.path)
        return Asked(service, region, action, "rest-json", params, access_key)
    form = dict(parse_qsl(request.query)) | _form(request)
    if not service:
        service = "sts" if form.get("Version") == "2011-06-15" else ""
    protocol = "ec2" if service == "ec2" else "query"
    return Asked(service, region, form.get("Action", ""), protocol, {}, access_key)


def _form(request: Request) -> dict[str, str]:
    if "x-www-form-urlencoded" not in request.headers.get("content-type", ""):
        return {}
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    model = get_service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        pattern = re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", http["requestUri"].partition("?")[0])
        found.append((http["method"], re.compile(f"^{pattern}/?$"), name))
    return found


def _route(service: str, method: str, path: str) -> tuple[str, Json]:
    for wanted, pattern, action in _routes(service):
        if wanted == method and (match := pattern.match(path)):
            return action, {name: unquote(value) for name, value in match.groupdict().items()}
    raise AwsError("NotFoundException", f"No action at {method} {path}", 404)


def parse(request: Request, asked: Asked) -> Json:
    """Read a request's parameters, named and typed as in the service's model. Raises AwsError."""
    operation = _operation(asked)
    try:
        return _parsed(request, asked, operation)
    except Exception as error:  # each parser fails in ways of its own
        raise AwsError("SerializationException", f"cannot read the request: {error!r}") from error


def _parsed(request: Request, asked: Asked, operation: OperationModel) -> Json:
    if asked.protocol == "cbor":
        body = io.BytesIO(request.body)
        decoded = RpcV2CBORParser().parse_data_item(body) if request.body else {}
        return dict(decoded)
    values = MultiDict(parse_qsl(request.query, keep_blank_values=True))
    values.update(_form(request))
    parser = PROTOCOL_PARSERS[asked.protocol](operation)
    parsed: Json = parser.parse(
        {
            "method": request.method,
            "values": values,
            "headers": Headers(list(request.headers.items())),
            "body": request.body,
            "url_path": request.path,
            "url_params": asked.path_params,
        }
    )
    return parsed


@cache
def _cached_operation(service: str, action: str) -> OperationModel:
    operation: OperationModel = get_service_model(service).operation_model(action)
    return operation


def _operation(asked: Asked) -> OperationModel:
    try:
        return _cached_operation(asked.service, asked.action)
    except Exception as error:  # botocore has one error for each way not to know
        raise AwsError("UnknownOperationException", f"unknown action {asked.action}") from error


def input_shape(asked: Asked) -> Any:
    """Return the shape of what an action is asked with."""
    return _operation(asked).input_shape


def write_output(asked: Asked, output: Json) -> Response:
    """Write a successful answer."""
    operation = _operation(asked)
    if asked.protocol == "cbor":
        return _response(asked, 200, _to_cbor(output, operation.output_shape))
    serializer = get_serializer_class(asked.service, asked.protocol)(operation)
    written = serializer.serialize(output)
    body = written["body"]
    return _response(
        asked, written["status_code"], body.encode() if isinstance(body, str) else body
    )


def _to_cbor(value: Json, shape: Any) -> bytes:
    if shape is None:
        return b""
    written = bytearray()
    serializer: Any = RpcV2CBORSerializer()  # its way to write one item is not public
    serializer._serialize_data_item(written, _known(value, shape), shape)
    return bytes(written)


def _known(value: Any, shape: Any) -> Any:
    """Keep what the shape has, in the types that CBOR needs."""
    if shape.type_name == "structure":
        members = shape.members
        found = {name: value[name] for name in members if value.get(name) is not None}
        return {name: _known(one, members[name]) for name, one in found.items()}
    if shape.type_name == "list":
        return [_known(one, shape.member) for one in value]
    if shape.type_name == "map":
        return {name: _known(one, shape.value) for name, one in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return float(value) if shape.type_name in {"float", "double"} else value


def _response(asked: Asked, status: int, body: bytes) -> Response:
    headers = [("Content-Type", _CONTENT[asked.protocol]), ("x-amzn-RequestId", "practice")]
    if asked.protocol == "cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    return Response(status, headers, body)


def write_error(asked: Asked, error: AwsError) -> Response:
    """Write an error as the protocol has it."""
    body = {"__type": error.code, "message": error.message, "Message": error.message}
    if asked.protocol == "cbor":
        return _response(asked, error.status, _error_in_cbor(error))
    if asked.protocol in {"json", "rest-json"}:
        answer = _response(asked, error.status, json.dumps(body).encode())
        answer.headers.append(("x-amzn-ErrorType", error.code))
        return answer
    inner = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    if asked.protocol == "ec2":
        text = (
            f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>0</RequestID></Response>"
        )
    else:
        kind = "Sender" if error.status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{inner}</Error>"
            "<RequestId>practice</RequestId></ErrorResponse>"
        )
    return _response(asked, error.status, text.encode())


def _error_in_cbor(error: AwsError) -> bytes:
    def text(value: str) -> bytes:
        raw = value.encode()
        return b"\x79" + len(raw).to_bytes(2, "big") + raw

    pairs = {"__type": error.code, "message": error.message[:9000]}
    return b"\xa2" + b"".join(text(name) + text(value) for name, value in pairs.items())
