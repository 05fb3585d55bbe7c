"""The live API's events for those who poll or audit (contract 2, `/events`)."""

import msgspec
from litestar import get

from tabletap.audiences import access
from tabletap.audiences.snapshots import Snapshot
from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import EventsQuery
from tabletap.infra import streams
from tabletap.infra.db.transaction import Reader
from tabletap.infra.paging import checked_limit
from tabletap.kernel.ids import Id


class EventPage(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Events of a stream in order. With a cursor there are more; without, ask again after the last one's seq."""

    items: list[msgspec.Raw]
    epoch: int
    head: int
    next_cursor: str | None = None


@get("/events", opt=door(query=EventsQuery))
async def get_events(request: Call) -> EventPage:
    """The events of a stream after a cursor: the same as the live API sends, to the letter."""
    asked, by = request.asked(EventsQuery), request.user
    limit, stream = checked_limit(asked.limit), access.stream_named(asked.stream)

    async def look(reader: Reader) -> EventPage:
        await access.require(reader, by, stream)
        at = await streams.head(reader, by.cafe_id, stream.key)
        after = await _after(reader, by.cafe_id, stream.key, asked.after, at)
        events = await streams.events_after(reader, by.cafe_id, stream.key, after, limit)
        if after < at.head and (not events or events[0].seq != after + 1):
            raise streams.SnapshotRequired(streams.GONE)
        last = events[-1].seq if events else after
        more = f"{at.epoch}:{last}" if last < at.head else None
        return EventPage([msgspec.Raw(event.wire()) for event in events], at.epoch, at.head, more)

    return await request.services.db.read(by.cafe_id, look, consistent=True)


async def _after(reader: Reader, cafe_id: Id, key: str, asked: str, at: streams.Head) -> int:
    """The seq to go on after. Raises SnapshotRequired for another epoch, or a seq that never was."""
    if asked == "0":
        oldest = await streams.oldest(reader, cafe_id, key)
        return oldest - 1 if oldest else at.head
    epoch, seq = (int(part) for part in asked.split(":"))
    if epoch != at.epoch:
        raise streams.SnapshotRequired(streams.RESTARTED)
    if seq > at.head:
        raise streams.SnapshotRequired
    return seq


@get("/streams/{stream:str}/snapshot")
async def get_snapshot(request: Call) -> Snapshot:
    """A stream's state, and the position from which its events go on."""
    return await request.services.snapshots.take(str(request.path_params["stream"]), request.user)


ROUTES = (get_events, get_snapshot)
