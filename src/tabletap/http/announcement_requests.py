"""The body of an announcement."""

from typing import Annotated

import msgspec

from tabletap.audiences.broadcasts import Announce
from tabletap.http.requests import Given, LongText
from tabletap.kernel.ids import GivenId
from tabletap.kernel.people import Role

_Roles = Annotated[frozenset[Role], msgspec.Meta(max_length=len(Role))]
_People = Annotated[frozenset[GivenId], msgspec.Meta(max_length=500)]
_Streams = Annotated[
    frozenset[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]], msgspec.Meta(max_length=len(Role) + 2)
]


class AnnouncementRequest(Given, frozen=True):
    """`POST /announcements`: with nobody named it is for the staff and the board."""

    message: LongText
    include_roles: _Roles = frozenset()
    exclude_roles: _Roles = frozenset()
    exclude_users: _People = frozenset()
    include_users: _People = frozenset()
    streams: _Streams = frozenset()

    def wanted(self) -> Announce:
        """As the service takes it."""
        return Announce(
            message=self.message,
            include_roles=self.include_roles,
            include_users=self.include_users,
            exclude_roles=self.exclude_roles,
            exclude_users=self.exclude_users,
            streams=self.streams,
        )
