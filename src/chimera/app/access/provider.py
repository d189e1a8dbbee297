"""An OpenID Connect provider over HTTP: where its endpoints are, codes to tokens, tokens proved.

Authlib makes the parameters and checks the claims, joserfc the signature; only signatures that need
the provider's private key are accepted, so neither `none` nor one made with a known secret.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chimera.app.addresses import place_of
from chimera.app.doors import OidcSettings
from chimera.app.outgoing import Outgoing
from chimera.core.errors import (
    ChimeraError,
    NotSignedIn,
    ProviderRefused,
    ProviderUnavailable,
    SpecError,
)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_FRESH_S = 3_600.0
_LEEWAY_S = 60
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Provider:
    """One provider. Its metadata and keys are read when first needed, and again each hour."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        # The issuer is the operator's word; where else its documents lead to is somebody else's.
        place = place_of(settings.issuer)
        self._outgoing = Outgoing((f"{place.host}:{place.port}", *settings.private_hosts))
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, dict[str, Any]] | None = None

    async def authorize_url(self, redirect: str, *, state: str, nonce: str, verifier: str) -> str:
        """Return where the browser goes to sign in."""
        from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
            prepare_grant_uri,
        )
        from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped]
            create_s256_code_challenge,
        )

        uri: str = prepare_grant_uri(
            (await self._known())["authorization_endpoint"],
            self._settings.client_id,
            "code",
            redirect_uri=redirect,
            scope="openid profile email",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return uri

    async def identify(
        self, code: str, redirect: str, *, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """Return the proved claims of whom a code stands for; NotSignedIn if anything is wrong."""
        token = await self._exchange(code, redirect, verifier)
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise _refused("it sent no ID token")
        return await self._claims(id_token, nonce, token.get("access_token"))

    async def _exchange(self, code: str, redirect: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
            "client_id": self._settings.client_id,
        }
        secret = self._settings.client_secret.get_secret_value()
        if secret:
            form["client_secret"] = secret
        url = (await self._known())["token_endpoint"]
        found = await self._ask("POST", url, data=form, headers={"accept": "application/json"})
        if "error" in found:
            raise _refused(f"it answered '{found['error']}'")
        return found

    async def _claims(self, id_token: str, nonce: str, access_token: object) -> Mapping[str, Any]:
        from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
        from joserfc.errors import JoseError

        metadata = await self._known()
        options = {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        params = {"nonce": nonce, "client_id": self._settings.client_id}
        if access_token:
            params["access_token"] = str(access_token)
        try:
            token = await self._verified(id_token)
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _refused(f"its ID token is not valid ({type(error).__name__})") from None
        return dict(claims)

    async def _verified(self, id_token: str) -> Any:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        keys = KeySet.import_key_set(await self._jwks())  # type: ignore[arg-type]
        try:
            return jwt.decode(id_token, keys, registry=registry)
        except InvalidKeyIdError:  # the provider has changed its keys
            keys = KeySet.import_key_set(await self._jwks(anew=True))  # type: ignore[arg-type]
            return jwt.decode(id_token, keys, registry=registry)

    async def _jwks(self, *, anew: bool = False) -> dict[str, Any]:
        if self._keys is None or anew or self._keys[0] < time.monotonic():
            found = await self._ask("GET", (await self._known())["jwks_uri"])
            self._keys = (time.monotonic() + _FRESH_S, found)
        return self._keys[1]

    async def _known(self) -> dict[str, Any]:
        if self._metadata is None or self._metadata[0] < time.monotonic():
            issuer = self._settings.issuer
            found = await self._ask("GET", f"{issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != issuer:
                raise _refused(f"it calls itself {found.get('issuer')!r}, not {issuer}")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                _check_url(found.get(name))
            self._metadata = (time.monotonic() + _FRESH_S, found)
        return self._metadata[1]

    async def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        _check_url(url)
        try:
            response = await self._outgoing.request(method, url, **options)
            found = json.loads(response.body)
        except ProviderUnavailable:
            raise ChimeraError(
                "the sign-in provider cannot be reached",
                hint=f"check that {self._settings.issuer} answers; a one-time link still works",
            ) from None
        except (SpecError, ProviderRefused) as error:
            raise _refused(f"{error}; {error.hint}" if error.hint else str(error)) from None
        except ValueError:
            raise _refused(f"it answered {response.status} without JSON") from None
        if not isinstance(found, dict) or (response.status >= 400 and "error" not in found):
            raise _refused(f"it answered {response.status}")
        return found


def _check_url(url: object) -> None:
    parts = urlsplit(url if isinstance(url, str) else "")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise _refused("it has an address without https")


def _refused(why: str) -> NotSignedIn:
    return NotSignedIn(f"the sign-in provider did not prove who you are: {why}", hint="try again")
