"""Facts, the past tense of our domain, and the stream events they are told as."""

from datetime import datetime

import msgspec

from tabletap.kernel.clock import milliseconds
from tabletap.kernel.ids import Id


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, emitted in the transaction that made it happen. Domains subclass it."""

    cafe_id: Id
    at: datetime


class Event(msgspec.Struct, kw_only=True):
    """One named event as one audience hears it: a row of a stream.

    `seq` is given by the stream when the transaction commits; 0 before that.
    """

    cafe_id: Id
    stream: str
    name: str
    data: bytes
    """The payload's JSON object, already encoded: built once, read by many."""
    event_id: Id
    cause_id: Id
    at: datetime
    epoch: int = 1
    seq: int = 0
    schema_version: int = 1

    def wire(self) -> bytes:
        """The JSON object people receive: the payload's own fields and, beside them, the envelope (contract 4.3)."""
        envelope = (
            f'"eventId":"{self.event_id}","causeId":"{self.cause_id}","name":"{self.name}",'
            f'"timestamp":{milliseconds(self.at)},"schemaVersion":{self.schema_version},"cafeId":"{self.cafe_id}",'
            f'"stream":"{self.stream}","epoch":{self.epoch},"seq":{self.seq}}}'
        ).encode()
        body = self.data[:-1]
        return body + (b"," if len(body) > 1 else b"") + envelope
