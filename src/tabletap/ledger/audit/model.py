"""Seals, heads and keys, and the exact bytes that are hashed and signed. Pure.

docs/reference/audit-chain.md says the same for whoever checks an export with tools of their own. What is written here
can never be changed: a new form would need a new number beside the old one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from tabletap.kernel.ids import Id

NOTHING = bytes(32)
"""What the first seal follows."""


class Chain(msgspec.Struct, frozen=True):
    """Where a cafe's chain ends: a row of `audit_chain`."""

    cafe_id: Id
    seq: int
    hash: bytes


class Seal(msgspec.Struct, frozen=True):
    """That a row was there, and what it said: a row of `audit_seal`."""

    cafe_id: Id
    seq: int
    source: str
    """The sealed row's table."""
    row_id: Id
    row_n: int
    """The second part of the row's key; 0 where its id alone is the key."""
    content_hash: bytes
    previous_hash: bytes
    hash: bytes
    sealed_at: datetime


class Head(msgspec.Struct, frozen=True):
    """The signed end of the chain on a business day: a row of `audit_head`."""

    cafe_id: Id
    id: Id
    business_day: str
    n: int
    """1 for the day's first head; a day that is signed again after more was sealed has more."""
    seq: int
    hash: bytes
    key_id: str
    signature: bytes
    signed_at: datetime


class Key(msgspec.Struct, frozen=True):
    """A key that heads are signed with: a row of `audit_key`. The one with the largest `n` signs."""

    cafe_id: Id
    n: int
    key_id: str
    public_key: bytes
    sealed_private_key: str
    created_at: datetime


class Row(msgspec.Struct, frozen=True):
    """A row of the books as the chain sees it."""

    source: str
    id: Id
    n: int
    content: bytes
    """Its canonical bytes."""
    at: datetime | None
    """The latest moment it speaks of, as far as it speaks of any."""

    @property
    def content_hash(self) -> bytes:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).digest()


def instant_text(at: datetime) -> str:
    """A moment as it is hashed: RFC 3339 in UTC, always with six digits of a second."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical(fields: Mapping[str, Any]) -> bytes:
    """The bytes that a row is hashed as: JSON in UTF-8 without spaces, keys sorted, null left out.

    That null is left out lets a table grow a column that may be null: rows from before still have their bytes.
    """
    plain = {name: _plain(value) for name, value in fields.items() if value is not None}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(errors="surrogatepass")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    return value.hex() if isinstance(value, bytes) else value


def canonical_row(source: str, names: Sequence[str], values: Sequence[Any], lines: Sequence[Mapping[str, Any]]) -> Row:
    """A row of a table as the chain sees it; `id` and `n` are the first two values. `lines`: a journal's entries."""
    fields: dict[str, Any] = dict(zip(names, values[2:], strict=True))
    if lines:
        fields["entries"] = [dict(line) for line in lines]
    moments = [value for value in values if isinstance(value, datetime)]
    return Row(source, values[0], values[1], canonical(fields), max(moments, default=None))


def seal_hash(seal: Seal) -> bytes:
    """What a seal's hash has to be: SHA-256 of nine lines, each ended by a line feed."""
    lines = (
        "tabletap-audit-seal:1",
        seal.cafe_id,
        seal.seq,
        seal.source,
        seal.row_id,
        seal.row_n,
        instant_text(seal.sealed_at),
        seal.content_hash.hex(),
        seal.previous_hash.hex(),
    )
    return hashlib.sha256(_text(lines)).digest()


def head_bytes(head: Head) -> bytes:
    """What a head's signature is of: eight lines, each ended by a line feed."""
    lines = (
        "tabletap-audit-head:1",
        head.cafe_id,
        head.business_day,
        head.n,
        head.seq,
        head.hash.hex(),
        head.key_id,
        instant_text(head.signed_at),
    )
    return _text(lines)


def _text(lines: Sequence[Any]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def key_id_of(public_key: bytes) -> str:
    """The name of a key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def next_seals(chain: Chain, rows: Sequence[Row], at: datetime) -> list[Seal]:
    """The seals that these rows get, one after the other."""
    seals: list[Seal] = []
    previous, seq = chain.hash, chain.seq
    for row in rows:
        seq += 1
        bare = Seal(chain.cafe_id, seq, row.source, row.id, row.n, row.content_hash, previous, NOTHING, at)
        seals.append(msgspec.structs.replace(bare, hash=seal_hash(bare)))
        previous = seals[-1].hash
    return seals


class SignedHead(msgspec.Struct, frozen=True, rename="camel"):
    """`GET /audit/heads`, and what a Z report prints: everything up to seal `seq` is as it was when it was signed."""

    business_day: date
    seq: int
    hash: str
    """Hexadecimal, as are the signature and the key."""
    key_id: str
    signature: str
    signed_at: datetime


class KeyView(msgspec.Struct, frozen=True, rename="camel"):
    """A public key (ed25519) that heads are, or were, signed with."""

    key_id: str
    public_key: str
    created_at: datetime


class KeysView(msgspec.Struct, frozen=True, rename="camel"):
    """`GET /audit/key`: the key in force and every one before it, the newest first."""

    key_id: str | None
    """None: nothing was signed yet."""
    keys: list[KeyView]


def signed_head(head: Head) -> SignedHead:
    """A head as people see it."""
    day = date.fromisoformat(head.business_day)
    return SignedHead(day, head.seq, head.hash.hex(), head.key_id, head.signature.hex(), head.signed_at)


def keys_view(keys: Sequence[Key]) -> KeysView:
    """A cafe's public keys, the newest first."""
    shown = [KeyView(key.key_id, key.public_key.hex(), key.created_at) for key in keys]
    return KeysView(shown[0].key_id if shown else None, shown)
