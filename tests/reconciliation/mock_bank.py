"""A bank that is not ours: `mock-bank` books what payers send and writes the day's camt.053."""

from collections.abc import Iterable
from typing import Any

import msgspec
from mockbank import accounts, credits, outbox
from mockbank.server import Config, make_server

IBAN = "NL41MOCK0000000001"
"""Of the account that the bank begins with."""
_BOOKED_TOGETHER = 500


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """What a payer sends."""

    amount: int
    note: str = ""
    reference: str | None = None
    end_to_end_id: str | None = None
    debtor: str = "A Payer"
    wrap: int = 140

    def body(self, account: str) -> dict[str, Any]:
        """As the bank takes it."""
        given = {"account": account, "amount": self.amount, "debtor": {"name": self.debtor}, "wrap": self.wrap}
        optional = {"reference": self.reference, "end_to_end_id": self.end_to_end_id}
        lines = [self.note] if self.note else []
        return {**given, "note": lines, **{name: value for name, value in optional.items() if value}}


def days_statement(day: str, sent: Iterable[Credit]) -> tuple[str, bytes]:
    """The IBAN of the account, and the camt.053 of a day on which all this arrived."""
    server = make_server(Config(port=0, quiet=True, clock=f"{day}T09:00"))
    try:
        state = server.state
        account = accounts.listing(state.conn)[0]
        for number, credit in enumerate(sent, 1):
            credits.create(state.conn, state.clock, state.now(), credit.body(account["id"]))
            if number % _BOOKED_TOGETHER == 0:
                state.release()  # what waits is summed up for every new one
        state.release()
        state.clock.advance(days=1)
        messages = outbox.collect(state.conn, state.now(), leave=True, kind="camt.053")
    finally:
        server.server_close()
    found = max((message["body"] for message in messages), key=len)
    return account["iban"], found.encode()
