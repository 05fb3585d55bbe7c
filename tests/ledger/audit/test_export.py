"""The exported chain, checked with no database: by our own reader, and by forty lines that know only its page."""

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tabletap.infra.db.open import AnyDatabase
from tabletap.kernel.ids import new_id
from tabletap.ledger.audit.export import ExportReport, ExportUnreadable, check_export, line_of, write_export
from tabletap.ledger.audit.model import (
    NOTHING,
    Chain,
    Row,
    canonical,
    instant_text,
    next_seals,
)
from tests.support.world import World

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def export_of(db: AnyDatabase, cafe_id: str) -> tuple[bytes, ExportReport]:
    written = io.BytesIO()
    report = await db.read(cafe_id, lambda reader: write_export(reader, written.write), consistent=True)
    return written.getvalue(), report


def checked(data: bytes) -> list[str]:
    return check_export(io.BytesIO(data)).faults


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def export(traded: World) -> bytes:
    """The file of a cafe with a day behind it."""
    return (await export_of(traded.app.db, traded.home.id))[0]


def check_as_the_page_says(data: bytes) -> tuple[int, int]:
    """What docs/reference/audit-chain.md says, and nothing of ours: how many seals and heads hold."""
    keys: dict[str, str] = {}
    heads: list[dict[str, object]] = []
    hashes = {0: "00" * 32}
    totals: dict[str, int] = {}
    cafe_id = ""
    for raw in data.splitlines(keepends=True):
        body, _, checksum = raw.rpartition(b',"sum":"')
        assert checksum == hashlib.sha256(body).hexdigest()[:16].encode() + b'"}\n'
        line = json.loads(raw)
        if line["type"] == "header":
            cafe_id = line["cafeId"]
        elif line["type"] == "key":
            keys[line["keyId"]] = line["publicKey"]
            assert hashlib.sha256(bytes.fromhex(line["publicKey"])).hexdigest()[:16] == line["keyId"]
        elif line["type"] == "head":
            heads.append(line)
        elif line["type"] == "seal":
            content = hashlib.sha256(line["row"].encode()).hexdigest()
            said = ["tabletap-audit-seal:1", cafe_id, line["seq"], line["source"], line["rowId"], line["rowN"]]
            said += [line["sealedAt"], content, hashes[line["seq"] - 1]]
            hashes[line["seq"]] = hashlib.sha256("".join(f"{each}\n" for each in said).encode()).hexdigest()
            assert hashes[line["seq"]] == line["hash"]
        elif line["type"] == "balance":
            assert totals.get(line["account"], 0) == line["balance"]
        if line["type"] in ("seal", "unsealed") and line["source"] == "journal":
            entries = json.loads(line["row"])["entries"]
            assert sum(entry["amount_minor"] for entry in entries) == 0
            for entry in entries:
                totals[entry["account"]] = totals.get(entry["account"], 0) + entry["amount_minor"]
    for head in heads:
        assert head["hash"] == hashes[int(str(head["seq"]))]
        said = ["tabletap-audit-head:1", cafe_id, head["businessDay"], head["n"], head["seq"], head["hash"]]
        said += [head["keyId"], head["signedAt"]]
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys[str(head["keyId"])]))
        key.verify(bytes.fromhex(str(head["signature"])), "".join(f"{each}\n" for each in said).encode())
    return len(hashes) - 1, len(heads)


async def test_an_export_holds_by_the_words_of_its_page_alone(traded: World) -> None:
    data, report = await export_of(traded.app.db, traded.home.id)

    assert check_as_the_page_says(data) == (report.seals, report.heads)
    assert report.seals > 20
    assert report.heads == 1


async def test_our_own_reader_agrees(export: bytes) -> None:
    report = check_export(io.BytesIO(export))

    assert report.faults == []
    assert (report.heads, report.unsealed) == (1, 0)
    assert report.accounts > 3
    assert len(report.key_ids) == 1


async def test_any_changed_byte_is_found_with_its_line(export: bytes) -> None:
    lines = export.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        for place in range(0, len(line), max(1, len(line) // 7)):
            changed = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
            faults = checked(b"".join([*lines[: number - 1], changed, *lines[number:]]))
            assert any(fault.startswith(f"line {number} ") for fault in faults), (number, place, faults)


async def test_lines_that_are_left_out_doubled_or_moved_are_found(export: bytes) -> None:
    lines = export.splitlines(keepends=True)

    for number in range(len(lines)):
        assert checked(b"".join(lines[:number] + lines[number + 1 :])) != [], f"line {number + 1} left out"
    assert checked(b"".join([*lines[:5], lines[4], *lines[5:]])) != []
    assert checked(b"".join([*lines[:6], lines[7], lines[6], *lines[8:]])) != []
    assert checked(export + lines[3]) != []
    for cut in (len(export) // 3, len(export) - 1):
        assert checked(export[:cut]) != []


async def test_a_careful_forger_is_found_by_the_signature(export: bytes) -> None:
    lines = [json.loads(line) for line in export.splitlines()]
    cafe_id, chain = lines[0]["cafeId"], Chain(lines[0]["cafeId"], 0, NOTHING)
    forged = []
    for line in lines:
        line.pop("sum")
        if line["type"] == "seal":
            text = line["row"].replace('"currency":"AUD"', '"currency":"USD"')
            row = Row(line["source"], line["rowId"], line["rowN"], text.encode(), None)
            (seal,) = next_seals(chain, [row], datetime.fromisoformat(line["sealedAt"]))
            chain = Chain(cafe_id, seal.seq, seal.hash)
            line |= {"row": text, "contentHash": seal.content_hash.hex(), "hash": seal.hash.hex()}
            line |= {"previousHash": seal.previous_hash.hex()}
        elif line["type"] == "end":
            line["hash"] = chain.hash.hex()
        forged.append(line_of(line))

    faults = checked(b"".join(forged))

    assert len(faults) == 1
    assert "the head of 2026-11-23 was signed over another hash than that of seal" in faults[0]


async def test_what_is_no_export_is_said_to_be_none() -> None:
    for nothing in (b"", b"hello\n", bytes(1000), b'{"type":"header"}\n'):
        with pytest.raises(ExportUnreadable):
            check_export(io.BytesIO(nothing))


async def test_a_cafe_without_any_books_has_an_export_too(traded: World) -> None:
    data, report = await export_of(traded.app.db, new_id())

    assert checked(data) == []
    assert (report.seals, report.heads, report.accounts) == (0, 0, 0)


async def test_a_long_chain_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    cafe_id = new_id()
    chain = Chain(cafe_id, 0, NOTHING)
    with file.open("wb") as written:
        written.write(line_of({"type": "header", "format": "tabletap-audit-export:1", "cafeId": cafe_id}))
        for _ in range(2_000):
            entries = [{"n": 1, "account": "bank", "amount_minor": 5}, {"n": 2, "account": "sales", "amount_minor": -5}]
            row = Row("journal", new_id(), 0, canonical({"entries": entries}), None)
            (seal,) = next_seals(chain, [row], AT)
            chain = Chain(cafe_id, seal.seq, seal.hash)
            fields = {"type": "seal", "seq": seal.seq, "source": "journal", "rowId": row.id, "rowN": 0}
            fields |= {
                "sealedAt": instant_text(AT),
                "contentHash": seal.content_hash.hex(),
                "row": row.content.decode(),
            }
            written.write(line_of({**fields, "previousHash": seal.previous_hash.hex(), "hash": seal.hash.hex()}))
        for account, balance in (("bank", 10_000), ("sales", -10_000)):
            written.write(line_of({"type": "balance", "account": account, "balance": balance}))
        counts = {"seals": 2_000, "heads": 0, "unsealed": 0, "accounts": 2}
        written.write(line_of({"type": "end", "seq": chain.seq, "hash": chain.hash.hex(), **counts}))

    with file.open("rb") as lines:
        assert check_export(lines).faults == []
