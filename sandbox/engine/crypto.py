"""Secrets as Pulumi's passphrase provider stores them: PBKDF2-SHA256, AES-256-GCM, `v1:nonce:ciphertext`."""

from __future__ import annotations

import base64
import functools
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ITERATIONS = 1_000_000
_PROBE = "pulumi"


class WrongPassphrase(Exception):
    """The passphrase does not open the stack's secrets."""

    def __init__(self) -> None:
        super().__init__("incorrect passphrase")


class Crypter:
    """Encrypts and decrypts one stack's secrets. `state` is the salt as Pulumi writes it down."""

    def __init__(self, key: bytes, state: str) -> None:
        self.state = state
        self._cipher = AESGCM(key)

    def encrypt(self, plaintext: str) -> str:
        nonce = os.urandom(12)
        sealed = self._cipher.encrypt(nonce, plaintext.encode(), None)
        return f"v1:{_text(nonce)}:{_text(sealed)}"

    def decrypt(self, ciphertext: str) -> str:
        """Raises ValueError for what is no ciphertext, WrongPassphrase for what another key sealed."""
        version, _, rest = ciphertext.partition(":")
        nonce, separator, sealed = rest.partition(":")
        if version != "v1" or not separator:
            raise ValueError("bad value: a secret reads v1:nonce:ciphertext")
        try:
            return self._cipher.decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()
        except InvalidTag:
            raise WrongPassphrase from None


def new(passphrase: str) -> Crypter:
    """A crypter with a fresh salt."""
    salt = os.urandom(8)
    key = _key(passphrase, salt)
    return Crypter(key, f"v1:{_text(salt)}:{Crypter(key, '').encrypt(_PROBE)}")


def restore(passphrase: str, state: str) -> Crypter:
    """The crypter of a salt that was written down. Raises WrongPassphrase, or ValueError for a malformed salt."""
    version, _, rest = state.partition(":")
    salt, separator, probe = rest.partition(":")
    if version != "v1" or not separator:
        raise ValueError("malformed state value")
    crypter = Crypter(_key(passphrase, base64.b64decode(salt)), state)
    if crypter.decrypt(probe) != _PROBE:
        raise WrongPassphrase
    return crypter


# The derivation takes a third of a second by design; an engine in a long-lived process derives a key only once.
@functools.lru_cache(maxsize=64)
def _key(passphrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ITERATIONS, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
