"""Secrets at rest: encrypted with AES-256-GCM under a key that is not in the database.

The key comes from the operator, or is made once in a file of the data folder that its owner alone
can read. Each secret is bound to its name, so that none can be put in another's place. With two
keys the first encrypts and both decrypt; opening the vault encrypts anew what is under the second.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from chimera.app.doors import AccessSettings
from chimera.core.errors import ChimeraError, SecretsLocked
from chimera.store.documents import Document, Documents

_KIND = "secret"
_NONCE = 12


class Vault:
    """Keeps secrets by name. None of its errors shows one."""

    def __init__(self, documents: Documents, settings: AccessSettings) -> None:
        self._documents = documents
        self._settings = settings
        self._keys: dict[str, AESGCM] = {}

    async def seal(self, name: str, plain: str) -> str:
        """Encrypt a text that is kept elsewhere; only under the same name it is opened again."""
        key_id, key = (await self._known())[0]
        return _sealed(key_id, key, name, plain)

    async def unseal(self, name: str, body: str) -> str:
        """Return what `seal` encrypted; SecretsLocked if its key is not here."""
        return await self._opened(Document(_KIND, name, body))

    async def put(self, name: str, secret: SecretStr, *, owner: str = "") -> None:
        """Keep a secret under a name, instead of the one before."""
        body = await self.seal(name, secret.get_secret_value())
        await self._documents.put(Document(_KIND, name, body, owner))

    async def get(self, name: str) -> SecretStr | None:
        """Return a secret, None if there is none; SecretsLocked if its key is not here."""
        found = await self._documents.get(_KIND, name)
        return SecretStr(await self._opened(found)) if found else None

    async def names(self) -> tuple[str, ...]:
        """Return the names of all secrets, sorted: all that anybody is ever shown of them."""
        return tuple(document.key for document in await self._documents.find(_KIND))

    async def delete(self, name: str) -> bool:
        """Forget a secret; False if there was none."""
        return await self._documents.delete(_KIND, name)

    async def renew(self) -> int:
        """Encrypt anew what is under a key that is not the first; return how many."""
        key_id, key = (await self._known())[0]
        done = 0
        for document in await self._documents.find(_KIND):
            if not document.body.startswith(f"{key_id}:"):
                body = _sealed(key_id, key, document.key, await self._opened(document))
                await self._documents.put(Document(_KIND, document.key, body, document.owner))
                done += 1
        return done

    async def _opened(self, document: Document) -> str:
        key_id, _, text = document.body.partition(":")
        key = dict(await self._known()).get(key_id)
        if key is None:
            raise SecretsLocked(
                f"the secret '{document.key}' was encrypted with a key that is not here",
                hint="give the former key as well, after the new one, in CHIMERA_SECRET_KEY",
            )
        sealed = base64.b64decode(text)
        try:
            plain = key.decrypt(sealed[:_NONCE], sealed[_NONCE:], document.key.encode())
        except InvalidTag:
            raise SecretsLocked(
                f"the secret '{document.key}' was changed in the database",
                hint="enter it again; `chimera audit verify` checks the rest",
            ) from None
        return plain.decode()

    async def _known(self) -> list[tuple[str, AESGCM]]:
        """Return the keys by their ids, the first one first."""
        if not self._keys:
            given = [one.get_secret_value() for one in self._settings.secret_keys]
            texts = given or [await asyncio.to_thread(_own_key, self._settings.key_file)]
            self._keys = dict(map(_derived, texts))
        return list(self._keys.items())


def _sealed(key_id: str, key: AESGCM, name: str, plain: str) -> str:
    nonce = secrets.token_bytes(_NONCE)
    sealed = nonce + key.encrypt(nonce, plain.encode(), name.encode())
    return f"{key_id}:{base64.b64encode(sealed).decode()}"


def _derived(text: str) -> tuple[str, AESGCM]:
    key = HKDF(SHA256(), 32, salt=None, info=b"chimera secrets v1").derive(text.encode())
    return hashlib.sha256(b"id" + key).hexdigest()[:8], AESGCM(key)


def _own_key(file: Path) -> str:
    """Return the data folder's key; the first process that needs one makes it."""
    try:
        return _read(file) or _made(file)
    except OSError as error:
        raise ChimeraError(
            f"cannot use the key of the secrets in {file}: {error.strerror}",
            hint="make the file readable for this user alone (chmod 600), or set "
            "CHIMERA_SECRET_KEY_FILE",
        ) from None


def _read(file: Path) -> str:
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return ""
    if mode & 0o077:
        raise ChimeraError(
            f"others can read the key of the secrets in {file}",
            hint=f"chmod 600 {file}; if somebody may have read it, change the key",
        )
    return file.read_text(encoding="ascii").strip()


def _made(file: Path) -> str:
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with open(fresh, "x", encoding="ascii", opener=_private) as output:
        output.write(secrets.token_hex(32) + "\n")
        output.flush()
        os.fsync(output.fileno())
    try:
        os.link(fresh, file)  # fails if another process was quicker: its key is the one
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return _read(file)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
