"""Passwords: argon2id in a thread, and the same work for people who do not exist (OWASP ASVS 5.0, chapter 6)."""

import asyncio

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from tabletap.identity.errors import PasswordTooWeak

MIN_CHARACTERS = 8
"""NIST SP 800-63B, section 3.1.1.2: at least 8, no rules on what they are, common ones refused."""
MAX_CHARACTERS = 256
_COMMON = frozenset(
    "12345678 123456789 1234567890 password password1 password123 passw0rd qwertyui qwerty123 qwertyuiop 11111111 "
    "00000000 iloveyou letmein1 sunshine princess football baseball superman trustno1 abcd1234 abc12345 asdfghjk "
    "welcome1 admin123 administrator tabletap changeme".split()
)
_AT_ONCE = 2
"""Each hash takes 64 MiB and a core for a moment: more at once would only starve the cafe."""


class Passwords:
    """Hashes and compares passwords, a few at a time."""

    def __init__(self, hasher: Argon2Hasher | None = None) -> None:
        self._hashes = PasswordHash((hasher or Argon2Hasher(),))
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The hash to keep: another one every time."""
        async with self._free:
            return await asyncio.to_thread(self._hashes.hash, password)

    async def matches(self, password: str, kept: str) -> bool:
        """Whether the password is the one that was hashed; a hash that we cannot read matches nothing."""
        async with self._free:
            return await asyncio.to_thread(self._matches, password, kept)

    async def waste(self, password: str) -> None:
        """As much work as a comparison: an unknown address answers no sooner than a known one."""
        await self.hash(password)

    def _matches(self, password: str, kept: str) -> bool:
        try:
            return self._hashes.verify(password, kept)
        except UnknownHashError:
            return False


def require_strong(password: str, email: str) -> None:
    """Refuse a password that is too short, too long, common or the address itself. Raises PasswordTooWeak."""
    plain = password.lower()
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise PasswordTooWeak
    if plain in _COMMON or len(set(plain)) < 3 or plain in (email, email.split("@", maxsplit=1)[0]):
        raise PasswordTooWeak("This password is among the first that anybody would try; choose another.")
