"""Checking a chain link by link: the same for the database and for an exported file. It changes nothing."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from tabletap.infra.db.transaction import Reader
from tabletap.ledger.audit import signing, store
from tabletap.ledger.audit.model import NOTHING, Head, Key, Row, Seal, head_bytes, instant_text, key_id_of, seal_hash

_PAGE = 500
_LATE = timedelta(hours=1)
"""Sealing that has run since and left a row this old out has not seen it when it should have."""


def row_name(source: str, row_id: str, n: int) -> str:
    """How a row is named: its key and its table."""
    return f"row {row_id}{f'/{n}' if n else ''} of {source}"


class ChainCheck:
    """Sees every seal in order, then the end; answers a sentence for everything that is not as it has to be."""

    def __init__(self, keys: Sequence[tuple[str, bytes]], heads: Sequence[Head]) -> None:
        self.keys = dict(keys)
        self.heads = heads
        self.seq = 0
        self._hashes = {NOTHING}
        """What the next seal may say of the one before: more than one where that one was changed."""
        self._of_heads: dict[int, set[bytes]] = {head.seq: {NOTHING} if head.seq == 0 else set() for head in heads}

    def see(self, seal: Seal, content_hash: bytes | None) -> Iterator[str]:
        """One seal, and what its row hashes to now; None: there is no such row any more."""
        if seal.seq != self.seq + 1:
            lost = (
                f"seal {self.seq + 1} is" if seal.seq == self.seq + 2 else f"seals {self.seq + 1} to {seal.seq - 1} are"
            )
            yield f"the chain breaks at seal {self.seq + 1}: {lost} missing"
        real = _real_hash(seal)
        if real != seal.hash:
            yield f"seal {seal.seq}, of {row_name(seal.source, seal.row_id, seal.row_n)}, was changed"
        else:
            if seal.seq == self.seq + 1 and seal.previous_hash not in self._hashes:
                yield f"the chain breaks at seal {seal.seq}: it does not follow seal {self.seq}"
            yield from _row_fault(seal, content_hash)
        self.seq, self._hashes = seal.seq, {seal.hash, real}
        if seal.seq in self._of_heads:
            self._of_heads[seal.seq] = {seal.hash}

    def end(self, noted: tuple[int, bytes] | None) -> Iterator[str]:
        """After the last seal: where the chain is noted to end, the keys and the signed heads."""
        seq, end_hash = noted or (0, NOTHING)
        if seq != self.seq:
            yield f"the chain is noted to end with seal {seq}, its last is seal {self.seq}"
        elif end_hash not in self._hashes:
            yield f"the chain is noted to end with another hash than that of seal {seq}"
        for key_id, public_key in self.keys.items():
            if key_id_of(public_key) != key_id:
                yield f"the public key {key_id} was changed"
        for head in self.heads:
            yield from self._head_fault(head)

    def _head_fault(self, head: Head) -> Iterator[str]:
        public_key = self.keys.get(head.key_id)
        name = f"the head of {head.business_day}"
        if public_key is None:
            yield f"{name} is signed with key {head.key_id}, which is not known here"
        elif not signing.is_signed(public_key, head.signature, _signed_bytes(head)):
            yield f"{name} does not carry a valid signature"
        elif not self._of_heads[head.seq]:
            yield f"{name} was signed over seal {head.seq}, which is missing"
        elif head.hash not in self._of_heads[head.seq]:
            yield f"{name} was signed over another hash than that of seal {head.seq}"


def _real_hash(seal: Seal) -> bytes:
    """Of a seal that was damaged, something that no seal has."""
    try:
        return seal_hash(seal)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return b""


def _signed_bytes(head: Head) -> bytes:
    """Of a head that was damaged, something that nobody signed."""
    try:
        return head_bytes(head)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return b""


def _row_fault(seal: Seal, content_hash: bytes | None) -> Iterator[str]:
    name, when = (
        row_name(seal.source, seal.row_id, seal.row_n),
        f"seal {seal.seq}, sealed at {instant_text(seal.sealed_at)}",
    )
    if content_hash is None:
        yield f"{name} is missing ({when})"
    elif content_hash != seal.content_hash:
        yield f"{name} was changed after it was sealed ({when})"


async def sealed_rows(reader: Reader) -> AsyncIterator[tuple[Seal, Row | None, str | None]]:
    """Every seal in order with its row: no row where there is none, and the reason where none can be read."""
    after = 0
    while seals := await store.seals(reader, after, _PAGE):
        rows, reasons = await _rows_of(reader, seals)
        for seal in seals:
            yield seal, rows.get((seal.source, seal.row_id, seal.row_n)), reasons.get(seal.seq)
        after = seals[-1].seq


async def _rows_of(reader: Reader, seals: Sequence[Seal]) -> tuple[dict[tuple[str, str, int], Row], dict[int, str]]:
    rows: dict[tuple[str, str, int], Row] = {}
    reasons: dict[int, str] = {}
    for source in {seal.source for seal in seals} & set(store.AUDITED):
        try:
            found = await store.sealed(reader, source, seals[0].seq - 1, seals[-1].seq)
        except Exception:  # noqa: BLE001 - bytes that are no text, no JSON or no time: one by one shows which row it is
            found = await _one_by_one(reader, [seal for seal in seals if seal.source == source], reasons)
        rows |= {(row.source, row.id, row.n): row for row in found}
    return rows, reasons


async def _one_by_one(reader: Reader, seals: Sequence[Seal], reasons: dict[int, str]) -> list[Row]:
    rows: list[Row] = []
    for seal in seals:
        try:
            rows += await store.sealed(reader, seal.source, seal.seq - 1, seal.seq)
        except Exception as error:  # noqa: BLE001 - as above
            reasons[seal.seq] = str(error)
    return rows


class ChainReport(msgspec.Struct):
    """What a look at the whole chain showed."""

    faults: list[str]
    seals: int = 0
    heads: int = 0
    unsealed: int = 0
    """Rows that wait for the next sealing: no fault."""


async def check_chain(reader: Reader) -> ChainReport:
    """Hash every sealed row again, follow the chain, check every signature, and count what is not sealed yet."""
    keys, heads = await store.keys(reader), await store.heads(reader)
    check, report = ChainCheck(public_keys(keys), heads), ChainReport([], heads=len(heads))
    sealed_at: datetime | None = None
    async for seal, row, reason in sealed_rows(reader):
        if reason is not None:
            report.faults.append(f"{row_name(seal.source, seal.row_id, seal.row_n)} cannot be read: {reason}")
        report.faults += check.see(seal, seal.content_hash if reason else row.content_hash if row else None)
        sealed_at = seal.sealed_at
    chain = await store.chain(reader)
    report.faults += check.end((chain.seq, chain.hash) if chain else None)
    report.seals = check.seq
    async for row in unsealed_rows(reader):
        if sealed_at is not None and row.at is not None and row.at + _LATE < sealed_at:
            report.faults.append(
                f"{row_name(row.source, row.id, row.n)} is from {instant_text(row.at)} and was never sealed"
            )
        else:
            report.unsealed += 1
    return report


def public_keys(keys: Sequence[Key]) -> list[tuple[str, bytes]]:
    """Keys by their names."""
    return [(key.key_id, key.public_key) for key in keys]


async def unsealed_rows(reader: Reader) -> AsyncIterator[Row]:
    """Every row that no seal names, table by table, a page at a time."""
    for source in store.AUDITED:
        after = store.FIRST_ID
        while after < store.LAST_ID:
            upto = await store.boundary(reader, source, after, _PAGE)
            for row in await store.unsealed(reader, source, after, upto, store.ALL):
                yield row
            after = upto
