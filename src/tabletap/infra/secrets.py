"""Secrets at rest: sealed with AES-256-GCM and bound to the place they stand in, so that none opens anywhere else."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tabletap.kernel.errors import Kind, Refusal

_FORMAT = "s1"
_NONCE_BYTES = 12
"""NIST SP 800-38D, section 8.2: 96 random bits for every message."""


class SecretsUnreadable(Refusal):
    """A stored secret opens with no key in TABLETAP_ENCRYPTION_KEYS, nor with the one made of TABLETAP_JWT_SECRET."""

    code, kind = "secrets_unreadable", Kind.UNAVAILABLE


class Sealer:
    """Seals texts with its first key and opens what any of its keys sealed, so that keys can be changed one by one.

    Without keys of its own it derives one from the secret that signs tokens. That one always opens, too: who sets keys
    later on loses nothing.
    """

    def __init__(self, keys: Sequence[str], token_secret: str) -> None:
        derived = [_derived(key, b"tabletap: encryption key") for key in keys]
        derived.append(_derived(token_secret, b"tabletap: secrets at rest, from the secret of tokens"))
        self._ciphers = {_name_of(key): AESGCM(key) for key in derived}
        self._first = _name_of(derived[0])

    def seal(self, secret: str, *place: str) -> str:
        """The secret as it may be stored in this place: (cafe, account, field). Twice the same is never the same."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, secret.encode(), _bound(place))
        return f"{_FORMAT}.{self._first}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *place: str) -> str:
        """The secret that was sealed for this place. Raises SecretsUnreadable: another key, another place, damaged."""
        format_, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        cipher = self._ciphers.get(name) if format_ == _FORMAT else None
        if cipher is None:
            raise SecretsUnreadable
        try:
            raw = urlsafe_b64decode(text.encode())
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(place)).decode()
        except (InvalidTag, NotBase64, ValueError):
            raise SecretsUnreadable from None

    def is_current(self, sealed: str) -> bool:
        """Whether the first key sealed it."""
        return sealed.startswith(f"{_FORMAT}.{self._first}.")

    def __repr__(self) -> str:
        return f"Sealer({len(self._ciphers)} keys)"


def _derived(secret: str, label: bytes) -> bytes:
    """A key of its own for each purpose (RFC 5869): who knows one learns nothing about another."""
    return HKDF(SHA256(), length=32, salt=None, info=label).derive(secret.encode())


def _name_of(key: bytes) -> str:
    """What tells keys apart beside what they sealed; it says nothing about the key."""
    return HKDF(SHA256(), length=6, salt=None, info=b"tabletap: name of a key").derive(key).hex()


def _bound(place: Sequence[str]) -> bytes:
    """The place as associated data; a length before each part, so that no two places read the same."""
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in place)
