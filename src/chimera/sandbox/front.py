"""One request's way: read it, let faults strike, answer it here or by moto, log it."""

from __future__ import annotations

import time

from chimera.sandbox import enums, wire
from chimera.sandbox.calls import CallLog, is_write
from chimera.sandbox.errors import AwsError, LostReply
from chimera.sandbox.faults import Faults, Rule
from chimera.sandbox.moto_app import Moto
from chimera.sandbox.patches.registry import ANSWERS, WHOLE, Call, PassOn
from chimera.sandbox.wire import Asked, Request, Response
from chimera.sandbox.world import World

_THROTTLE = {"query": "Throttling", "ec2": "RequestLimitExceeded"}
_DENIED = {"query": "AccessDenied", "ec2": "UnauthorizedOperation"}
_EXPIRED = {"query": "ExpiredToken", "ec2": "RequestExpired"}


class Front:
    """Answers AWS requests from one world. Called by many threads."""

    def __init__(self, world: World, faults: Faults, calls: CallLog) -> None:
        self._world = world
        self._faults = faults
        self._calls = calls
        self._moto = Moto(world.account)

    def answer(self, request: Request) -> Response:
        """Answer one request. Raises LostReply when the caller must not hear of it."""
        began = time.monotonic()
        asked = Asked("", self._world.options.region, "", "json", {}, "")
        outcome = "ok"
        try:
            asked = wire.read_request(request, self._world.options.region)
            return self._through_faults(request, asked)
        except AwsError as error:
            outcome = error.code
            return wire.write_error(asked, error)
        except LostReply:
            outcome = "lost"
            raise
        except Exception as error:
            outcome = "InternalFailure"
            return wire.write_error(asked, AwsError("InternalFailure", repr(error), 500))
        finally:
            self._calls.add(asked, outcome, began)

    def _through_faults(self, request: Request, asked: Asked) -> Response:
        struck = self._faults.strike_call(asked.service, asked.action)
        age_s = 0.0
        for rule in struck:
            if rule.fault == "stale":
                age_s = rule.seconds
            elif rule.fault == "latency":
                time.sleep(rule.seconds)
            elif rule.fault != "lost-reply":
                raise _refusal(rule, asked, self._world.account)
        if self._world.sessions.has_ended(asked.access_key):
            raise _expired(asked)
        self._world.permissions.check(asked, request, self._world.account)
        response = self._perform(request, asked, age_s)
        if response.status < 400 and any(rule.fault == "lost-reply" for rule in struck):
            raise LostReply
        return response

    def _perform(self, request: Request, asked: Asked, age_s: float) -> Response:
        answer = ANSWERS.get((asked.service, asked.action))
        if answer is None:
            if asked.service in WHOLE:
                message = f"the practice range does not know {asked.service}:{asked.action}"
                raise AwsError("UnknownOperationException", message)
            return self._moto.pass_on(request)
        world = self._world
        world.keep_past = self._faults.has("stale")
        params = wire.parse(request, asked)
        enums.check(asked.service, wire.input_shape(asked), params)
        write = is_write(asked.action)
        with world.lock:
            if write:
                world.remember(asked.region)
            region = world.region(asked.region)
            state = world.as_of(asked.region, age_s) if age_s and not write else region
            call = Call(
                service=asked.service,
                action=asked.action,
                region=asked.region,
                params=params,
                world=world,
                state=state,
                moto=_Late(self._moto, request),
                principal=asked.access_key,
                headers=request.headers,
            )
            try:
                return wire.write_output(asked, answer(call))
            except PassOn:
                return self._moto.pass_on(request)


class _Late:
    """Hands a request to moto when it is called."""

    def __init__(self, moto: Moto, request: Request) -> None:
        self._moto = moto
        self._request = request

    def __call__(self) -> tuple[int, list[tuple[str, str]], bytes]:
        response = self._moto.pass_on(self._request)
        return response.status, response.headers, response.body


def _refusal(rule: Rule, asked: Asked, account: str) -> AwsError:
    if rule.fault == "throttle":
        code = _THROTTLE.get(asked.protocol, "ThrottlingException")
        if asked.service == "appmesh":
            return AwsError("TooManyRequestsException", "Rate exceeded", 429)
        return AwsError(code, "Rate exceeded")
    if rule.fault == "denied":
        return denied(asked, account)
    if rule.fault == "expired":
        return _expired(asked)
    code = "ServiceUnavailable" if rule.status == 503 else "InternalFailure"
    return AwsError(code, rule.reason or "the service is not available", rule.status)


def _expired(asked: Asked) -> AwsError:
    code = _EXPIRED.get(asked.protocol, "ExpiredTokenException")
    return AwsError(code, "The security token included in the request is expired", 403)


def denied(asked: Asked, account: str, resource: str = "*") -> AwsError:
    """Word the refusal of an action as IAM does."""
    code = _DENIED.get(asked.protocol, "AccessDeniedException")
    who = f"arn:aws:iam::{account}:user/practice"
    action = f"{wire.iam_prefix(asked.service)}:{asked.action}"
    return AwsError(
        code,
        f"User: {who} is not authorized to perform: {action} on resource: {resource} because no "
        f"identity-based policy allows the {action} action",
        403 if asked.protocol in {"query", "ec2"} else 400,
    )
