"""The six messages of Envoy's runtime discovery, in a descriptor pool of our own.

The packages that generate Envoy's whole API either shadow the `envoy` module of the server's wheel
or cost milliseconds a message; only field numbers and types matter on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    struct_pb2,
)

RUNTIME_TYPE = "type.googleapis.com/envoy.service.runtime.v3.Runtime"
RESOURCE_TYPE = "type.googleapis.com/envoy.service.discovery.v3.Resource"
STREAM_METHOD = "StreamRuntime"
SERVICE = "envoy.service.runtime.v3.RuntimeDiscoveryService"

_PACKAGE = "chimera.xds"
_Field = descriptor_pb2.FieldDescriptorProto
# message -> field -> (number, type, repeated); a type with a dot is a message.
_MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {
    "Node": {"id": (1, "string", False)},
    "Status": {"code": (1, "int32", False), "message": (2, "string", False)},
    "DiscoveryRequest": {
        "version_info": (1, "string", False),
        "node": (2, f".{_PACKAGE}.Node", False),
        "resource_names": (3, "string", True),
        "type_url": (4, "string", False),
        "response_nonce": (5, "string", False),
        "error_detail": (6, f".{_PACKAGE}.Status", False),
    },
    "DiscoveryResponse": {
        "version_info": (1, "string", False),
        "resources": (2, ".google.protobuf.Any", True),
        "type_url": (4, "string", False),
        "nonce": (5, "string", False),
    },
    "Resource": {
        "version": (1, "string", False),
        "resource": (2, ".google.protobuf.Any", False),
        "name": (3, "string", False),
        "ttl": (6, ".google.protobuf.Duration", False),
    },
    "Runtime": {"name": (1, "string", False), "layer": (2, ".google.protobuf.Struct", False)},
}
_SCALARS = {"string": _Field.TYPE_STRING, "int32": _Field.TYPE_INT32}


def _describe() -> descriptor_pb2.FileDescriptorProto:
    known = (any_pb2, duration_pb2, struct_pb2)
    file = descriptor_pb2.FileDescriptorProto(
        name="chimera/xds.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[module.DESCRIPTOR.name for module in known],
    )
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for field, (number, kind, repeated) in fields.items():
            added = described.field.add(name=field, number=number)
            added.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type = _Field.TYPE_MESSAGE
                added.type_name = kind
    return file


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for module in (any_pb2, duration_pb2, struct_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_describe().SerializeToString())
    return pool


_POOL = _pool()


def _message(name: str) -> Any:  # classes made at run time have no static type
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


DiscoveryRequest = _message("DiscoveryRequest")
DiscoveryResponse = _message("DiscoveryResponse")
Resource = _message("Resource")
Runtime = _message("Runtime")


def runtime_response(
    name: str, values: Mapping[str, int], *, ttl: timedelta | None, version: str, nonce: str
) -> Any:
    """Return the response that makes `values` the whole of layer `name`, for `ttl` or for good."""
    runtime = Runtime(name=name)
    for key, value in values.items():
        runtime.layer.fields[key].number_value = value
    resource = Resource(name=name, version=version)
    resource.resource.type_url = RUNTIME_TYPE
    resource.resource.value = runtime.SerializeToString(deterministic=True)
    if ttl is not None:
        resource.ttl.FromTimedelta(ttl)
    response = DiscoveryResponse(version_info=version, type_url=RUNTIME_TYPE, nonce=nonce)
    response.resources.add(type_url=RESOURCE_TYPE, value=resource.SerializeToString())
    return response
