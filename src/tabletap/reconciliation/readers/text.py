"""Bytes of the formats that are plain text become text, or a refusal."""

import codecs
from typing import BinaryIO

from tabletap.reconciliation.readers.errors import StatementUnreadable

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
ENCODINGS = ("utf-8", "cp1252")
"""Tried in this order: what is not UTF-8 by chance is not UTF-8."""

_CHUNK_BYTES = 1 << 16


def encoding_by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark names, if there is one."""
    return next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)


def encoding_of(file: BinaryIO, *wanted: str) -> str:
    """The first encoding that all of the file keeps to; the file is rewound. Raises StatementUnreadable: none does."""
    marked = encoding_by_mark(file.read(4))
    for encoding in (marked,) if marked else wanted or ENCODINGS:
        file.seek(0)
        if _keeps_to(file, encoding):
            file.seek(0)
            return encoding
    raise StatementUnreadable("The file is not text: it may be damaged, or something else than a bank statement.")


def _keeps_to(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        while chunk := file.read(_CHUNK_BYTES):
            if "\0" in decoder.decode(chunk):
                return False
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def decoded(file: BinaryIO) -> str:
    """All of the file as text; raises StatementUnreadable when it is none."""
    encoding = encoding_of(file)
    return file.read().decode(encoding)
