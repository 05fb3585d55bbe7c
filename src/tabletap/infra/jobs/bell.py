"""Wakes the worker of this process without going through the database."""

from collections.abc import Callable

from pgqueuer.domain import models
from pgqueuer.domain.settings import db_settings


class Bell:
    """Tells whoever listens, at once."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[str], None]] = []

    def add(self, callback: Callable[[str], None]) -> None:
        """Hear of everything from now on; the library uses one channel."""
        self._callbacks.append(callback)

    def ring(self, event: models.Event) -> None:
        """Pass an event of the library on."""
        for callback in self._callbacks:
            callback(event.model_dump_json())

    def ring_for_work(self) -> None:
        """Something may be due."""
        channel = db_settings().channel
        self.ring(
            models.TableChangedEvent(
                channel=channel,
                operation="insert",
                sent_at=models.utc_now(),
                table=db_settings().queue_table,
                type="table_changed_event",
            )
        )
