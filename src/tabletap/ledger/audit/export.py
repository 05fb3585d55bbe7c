"""The chain as a file that anybody can check without a database (docs/reference/audit-chain.md).

JSON lines, each with a checksum of its own as the last field: header, public keys, signed heads, seals with the rows
they name, rows that are not sealed yet, the trial balance, the end. Both directions hold one line at a time.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from tabletap.cafes import store as cafes_store
from tabletap.infra.db.transaction import Reader
from tabletap.kernel.errors import Refusal
from tabletap.ledger.audit import store
from tabletap.ledger.audit.checking import ChainCheck, row_name, sealed_rows, unsealed_rows
from tabletap.ledger.audit.model import Head, Key, Row, Seal, instant_text
from tabletap.ledger.service import balances

FORMAT = "tabletap-audit-export:1"
_SUM = b',"sum":"'
_LONGEST_LINE = 4 * 1024 * 1024
_MOST_FAULTS = 1000


class ExportUnreadable(Refusal):
    """This file is no export of an audit chain."""

    code = "export_unreadable"


class ExportReport(msgspec.Struct):
    """What was written to a file, or found in it."""

    faults: list[str] = []
    seals: int = 0
    heads: int = 0
    unsealed: int = 0
    accounts: int = 0
    key_ids: list[str] = []

    def __str__(self) -> str:
        return (
            f"The file has {self.seals} seals in an unbroken chain, {self.heads} signed heads, {self.unsealed} rows "
            f"that are not sealed yet, and a trial balance of {self.accounts} accounts that sums to zero."
        )


def line_of(fields: Mapping[str, Any]) -> bytes:
    """One line: JSON, and the first 16 hexadecimal digits of the SHA-256 of all that stands before its checksum."""
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")[:-1]
    return body + _SUM + hashlib.sha256(body).hexdigest()[:16].encode() + b'"}\n'


async def write_export(reader: Reader, write: Callable[[bytes], Any]) -> ExportReport:
    """Write a cafe's chain line by line, as it is at one moment. What is wrong with it, the check finds."""
    report = ExportReport()
    cafe = await cafes_store.get_cafe(reader, reader.cafe_id)
    about = {"name": cafe.name, "currency": cafe.currency, "timeZone": cafe.time_zone} if cafe else {}
    write(
        line_of({"type": "header", "format": FORMAT, "cafeId": reader.cafe_id, **about, "at": instant_text(reader.now)})
    )
    for key in reversed(await store.keys(reader)):
        report.key_ids.append(key.key_id)
        write(line_of(_key_fields(key)))
    for head in await store.heads(reader):
        report.heads += 1
        write(line_of(_head_fields(head)))
    async for seal, row, _ in sealed_rows(reader):
        report.seals += 1
        write(line_of(_seal_fields(seal, row)))
    async for row in unsealed_rows(reader):
        report.unsealed += 1
        write(line_of({"type": "unsealed", "source": row.source, "rowId": row.id, "rowN": row.n, "row": _text(row)}))
    chain = await store.chain(reader)
    totals = await balances(reader, reader.cafe_id)
    report.accounts = len(totals)
    for account, balance in totals.items():
        write(line_of({"type": "balance", "account": account, "balance": balance}))
    end = {"seq": chain.seq, "hash": chain.hash.hex()} if chain else {"seq": 0, "hash": bytes(32).hex()}
    counts = {"seals": report.seals, "heads": report.heads, "unsealed": report.unsealed, "accounts": report.accounts}
    write(line_of({"type": "end", **end, **counts}))
    return report


def _text(row: Row | None) -> str | None:
    return row.content.decode(errors="surrogatepass") if row else None


def _key_fields(key: Key) -> dict[str, Any]:
    about = {"keyId": key.key_id, "publicKey": key.public_key.hex(), "createdAt": instant_text(key.created_at)}
    return {"type": "key", **about}


def _head_fields(head: Head) -> dict[str, Any]:
    return {
        "type": "head",
        "businessDay": head.business_day,
        "n": head.n,
        "seq": head.seq,
        "hash": head.hash.hex(),
        "keyId": head.key_id,
        "signedAt": instant_text(head.signed_at),
        "signature": head.signature.hex(),
    }


def _seal_fields(seal: Seal, row: Row | None) -> dict[str, Any]:
    return {
        "type": "seal",
        "seq": seal.seq,
        "source": seal.source,
        "rowId": seal.row_id,
        "rowN": seal.row_n,
        "sealedAt": instant_text(seal.sealed_at),
        "contentHash": seal.content_hash.hex(),
        "previousHash": seal.previous_hash.hex(),
        "hash": seal.hash.hex(),
        "row": _text(row),
    }


def check_export(file: BinaryIO) -> ExportReport:
    """Check a file line by line and answer what is in it, and what is wrong with it and in which line.

    Raises ExportUnreadable when nothing in it is a line of an export.
    """
    check = _ExportCheck()
    for number, raw in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
        for fault in check.see(number, raw):
            if len(check.report.faults) < _MOST_FAULTS:
                check.report.faults.append(fault)
    if not check.lines:
        raise ExportUnreadable
    check.report.faults += check.end()
    return check.report


class _ExportCheck:
    """What has been read of a file so far."""

    def __init__(self) -> None:
        self.report = ExportReport()
        self.lines = 0
        self.cafe_id = ""
        self._keys: list[tuple[str, bytes]] = []
        self._heads: list[Head] = []
        self._chain: ChainCheck | None = None
        self._booked: Counter[str] = Counter()
        self._balances: dict[str, int] = {}
        self._ended = False
        self._is_damaged = False

    @property
    def chain(self) -> ChainCheck:
        """It begins with the first seal, when keys and heads are known."""
        if self._chain is None:
            self._chain = ChainCheck(self._keys, self._heads)
        return self._chain

    def see(self, number: int, raw: bytes) -> Iterator[str]:
        """One line."""
        fields = _fields_of(raw)
        if fields is None:
            self._is_damaged = True
            yield f"line {number} was changed"
            return
        self.lines += 1
        try:
            found = list(self._read(fields, number))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            found = [f"line {number} cannot be read: {type(error).__name__} {error}"]
        yield from found

    def _read(self, fields: Mapping[str, Any], number: int) -> Iterator[str]:
        if self._ended or (number == 1) != (fields["type"] == "header"):
            yield f"line {number} stands where it does not belong"
        read = _READERS.get(fields["type"])
        if read is None:
            yield f"line {number} is of a kind that is not known: {fields['type']}"
        else:
            yield from (f"line {number}: {fault}" for fault in read(self, fields))

    def header(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """Whose chain it is."""
        self.cafe_id = fields["cafeId"]
        if fields["format"] != FORMAT:
            yield f"the file has the format {fields['format']}, this version reads {FORMAT}"

    def key(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """A public key."""
        self._keys.append((fields["keyId"], bytes.fromhex(fields["publicKey"])))
        self.report.key_ids.append(fields["keyId"])
        yield from ()

    def head(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """A signed head; its signature is checked when the chain is known."""
        self._heads.append(
            Head(
                self.cafe_id, "", fields["businessDay"], fields["n"], fields["seq"], bytes.fromhex(fields["hash"]),
                fields["keyId"], bytes.fromhex(fields["signature"]), _moment(fields["signedAt"]),
            )
        )  # fmt: skip
        self.report.heads += 1
        yield from ()

    def seal(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """A seal and the row it names."""
        seal = Seal(
            self.cafe_id, fields["seq"], fields["source"], fields["rowId"], fields["rowN"],
            bytes.fromhex(fields["contentHash"]), bytes.fromhex(fields["previousHash"]), bytes.fromhex(fields["hash"]),
            _moment(fields["sealedAt"]),
        )  # fmt: skip
        self.report.seals += 1
        text = fields["row"]
        content = None if text is None else hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        yield from self.chain.see(seal, content)
        yield from self._book(seal.source, seal.row_id, text)

    def unsealed(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """A row that was not sealed when the file was written."""
        self.report.unsealed += 1
        yield from self._book(fields["source"], fields["rowId"], fields["row"])

    def _book(self, source: str, row_id: str, text: str | None) -> Iterator[str]:
        if source != "journal" or text is None:
            return
        entries = json.loads(text).get("entries", [])
        if sum(entry["amount_minor"] for entry in entries) != 0:
            yield f"{row_name(source, row_id, 0)} does not sum to zero"
        for entry in entries:
            self._booked[entry["account"]] += entry["amount_minor"]

    def balance(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """An account of the trial balance."""
        self._balances[fields["account"]] = fields["balance"]
        self.report.accounts += 1
        if self._booked[fields["account"]] != fields["balance"]:
            yield (
                f"the trial balance has {fields['balance']} for {fields['account']}, the journals come to "
                f"{self._booked[fields['account']]}"
            )

    def end_line(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """The last line: where the chain ends, and how much there has to be."""
        self._ended = True
        yield from self.chain.end((fields["seq"], bytes.fromhex(fields["hash"])))
        for name in ("seals", "heads", "unsealed", "accounts"):
            there = getattr(self.report, name)
            if fields[name] != there:
                yield f"{name}: the file has {there}, it was written with {fields[name]}"

    def end(self) -> Iterator[str]:
        """After the last line."""
        if not self._ended:
            yield "the file breaks off before its end"
        if self._is_damaged:
            return  # what a damaged line said is missing in the sums: the line itself is named already
        if sum(self._balances.values()) != 0:
            yield "the trial balance does not sum to zero"
        for account in sorted(set(self._booked) - set(self._balances)):
            if self._booked[account]:
                yield f"the trial balance lacks {account}"


_READERS: Mapping[str, Callable[[_ExportCheck, Mapping[str, Any]], Iterator[str]]] = {
    "header": _ExportCheck.header,
    "key": _ExportCheck.key,
    "head": _ExportCheck.head,
    "seal": _ExportCheck.seal,
    "unsealed": _ExportCheck.unsealed,
    "balance": _ExportCheck.balance,
    "end": _ExportCheck.end_line,
}


def _fields_of(raw: bytes) -> dict[str, Any] | None:
    """A line's fields; None when its checksum is not that of the rest, or it is no line of ours at all."""
    body, found, rest = raw.rpartition(_SUM)
    if not found or rest != hashlib.sha256(body).hexdigest()[:16].encode() + b'"}\n':
        return None
    try:
        fields = json.loads(body.decode(errors="surrogatepass") + "}")
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
