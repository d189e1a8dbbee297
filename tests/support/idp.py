"""An OpenID Connect provider on a free port, honest unless told what to lie about."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Form
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from tests.support.eventually import eventually

CLIENT = "chimera-here"
CLIENT_SECRET = "canary-client-secret-of-the-provider"


@dataclass
class Idp:
    """claims: laid over those of the ID token; None removes one. algorithm: "none", "HS256", ...

    stranger: sign with a key that is not published. asked: the form of each exchange.
    """

    port: int
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    stranger: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def approve(self, query: dict[str, str]) -> str:
        """Do what a person does there: approve; return the code for the way back."""
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return code

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "4711",
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "preferred_username": "grace",
            **self.claims,
        }
        payload = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "none":
            return f"{_part(header)}.{_part(payload)}."
        if self.algorithm == "HS256":  # with the published key as if it were a shared secret
            signed = f"{_part(header)}.{_part(payload)}"
            made = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{_text(made)}"
        key = RSAKey.generate_key(2048, {"kid": "k1"}) if self.stranger else self.key
        return jwt.encode(header, payload, key, algorithms=[self.algorithm])

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def configuration() -> dict[str, Any]:
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **self.metadata,
            }

        @app.get("/keys")
        async def keys() -> Any:
            return KeySet([self.key]).as_dict(private=False)

        @app.post("/token", response_model=None)
        async def token(
            code: Annotated[str, Form()],
            code_verifier: Annotated[str, Form()],
            client_id: Annotated[str, Form()],
            client_secret: Annotated[str, Form()],
            redirect_uri: Annotated[str, Form()],
        ) -> JSONResponse | dict[str, str]:
            self.asked.append({"code": code, "verifier": code_verifier})
            begun = self.codes.pop(code, None)
            challenge = hashlib.sha256(code_verifier.encode()).digest()
            if (
                begun is None
                or begun["code_challenge"] != _text(challenge)
                or begun["redirect_uri"] != redirect_uri
                or (client_id, client_secret) != (CLIENT, CLIENT_SECRET)
            ):
                return JSONResponse({"error": "invalid_grant"}, 400)
            return {"access_token": "at", "id_token": self.id_token(begun["nonce"])}

        return app


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _part(value: dict[str, Any]) -> str:
    return _text(json.dumps(value).encode())


@asynccontextmanager
async def running_idp() -> AsyncIterator[Idp]:
    """Serve a provider until left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        idp = Idp(listener.getsockname()[1])
        config = uvicorn.Config(idp.app(), log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await eventually(lambda: server.started)
            yield idp
        finally:
            server.should_exit = True
            await task
