"""Mail that a server refuses, cannot carry safely, or may get twice."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tabletap.infra.mail import Letter, MailAway, Mailer, MailRefused

LETTER = Letter(
    id="018f", to="guest@example.org", subject="Café Łódź: Receipt 1", text="15.80\n", html=b"<p>15.80</p>",
    file_name="receipt-1.pdf", pdf=b"%PDF-1.3",
)  # fmt: skip
SENDER = "Corner Cafe <hi@example.org>"


class Server:
    """A mail server that answers as it is told."""

    def __init__(self, recipient: str = "250 OK", content: str = "250 OK", sender: str = "250 OK") -> None:
        self.recipient, self.content, self.sender = recipient, content, sender
        self.messages: list[Message] = []
        self.passwords: list[Any] = []
        self.knows_us = True
        self.step_seconds = 0.0
        self.says_goodbye = True

    async def handle_MAIL(  # noqa: N802 - theirs
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        await asyncio.sleep(self.step_seconds)
        envelope.mail_from = address
        return self.sender

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - theirs
        if not self.says_goodbye:
            await asyncio.Event().wait()
        return "221 Bye"

    async def handle_RCPT(  # noqa: N802 - theirs
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        await asyncio.sleep(self.step_seconds)
        if self.recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - theirs
        self.messages.append(message_from_bytes(envelope.content))
        return self.content

    def note_password(self, _server: Any, _session: Any, _envelope: Any, _way: str, given: Any) -> AuthResult:
        self.passwords.append(given)
        return AuthResult(success=self.knows_us, handled=False)


@contextmanager
def serving(server: Server, **options: Any) -> Iterator[str]:
    """The server's address while it runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port, ready_timeout=10, **options)
    controller.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        controller.stop()


async def test_a_message_is_whole_and_has_one_name_however_often_it_is_sent() -> None:
    server = Server()
    with serving(server) as address:
        for _ in range(2):
            await Mailer(f"smtp://{address}", SENDER).send(LETTER)

    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"] == "<018f@example.org>"
    assert first["Date"]
    assert (first["From"], first["To"]) == ("Corner Cafe <hi@example.org>", "guest@example.org")
    assert [part.get_content_type() for part in first.walk() if not part.is_multipart()] == [
        "text/plain", "text/html", "application/pdf",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        pytest.param(Server(recipient="550 no such mailbox"), MailRefused, id="no such mailbox"),
        pytest.param(Server(recipient="451 later"), MailAway, id="mailbox busy"),
        pytest.param(Server(content="554 not wanted"), MailRefused, id="not wanted"),
        pytest.param(Server(sender="550 this sender is not known here"), MailAway, id="our sender is set up wrong"),
        pytest.param(Server(content="452 full"), MailAway, id="disk full"),
    ],
)
async def test_what_a_server_says_decides_whether_to_try_again(server: Server, expected: type[Exception]) -> None:
    with serving(server) as address, pytest.raises(expected) as raised:
        await Mailer(f"smtp://{address}", SENDER).send(LETTER)

    assert "guest" not in str(raised.value)


async def test_a_server_that_is_not_there_is_away() -> None:
    with serving(Server()) as address:
        pass

    with pytest.raises(MailAway):
        await Mailer(f"smtp://{address}", SENDER).send(LETTER)
    with pytest.raises(MailAway):
        await Mailer(f"smtp://{address}", SENDER).try_out()


async def test_a_password_goes_to_this_machine_or_over_tls_and_never_else(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    with serving(server, authenticator=server.note_password, auth_require_tls=False) as address:
        await Mailer(f"smtp://me:s%40cret@{address}", SENDER).try_out()
        assert len(server.passwords) == 1
        monkeypatch.setattr("tabletap.infra.mail._is_here", lambda _host: False)
        with pytest.raises((MailAway, MailRefused)):
            await Mailer(f"smtp://me:s%40cret@{address}", SENDER).send(LETTER)

    assert (len(server.passwords), server.messages) == (1, [])


async def test_a_server_without_tls_gets_no_mail_that_is_meant_for_one_with() -> None:
    server = Server()
    with serving(server) as address, pytest.raises(MailAway):
        await Mailer(f"smtps://me:secret@{address}", SENDER).send(LETTER)

    assert server.messages == []


async def test_an_address_that_no_mail_can_go_to_is_refused_for_good() -> None:
    with serving(Server()) as address, pytest.raises(MailRefused):
        await Mailer(f"smtp://{address}", SENDER).send(msgspec.structs.replace(LETTER, to="a@b@example.org"))


async def test_a_wrong_password_of_ours_costs_no_mail() -> None:
    server = Server()
    server.knows_us = False
    with serving(server, authenticator=server.note_password, auth_require_tls=False) as address:
        mailer = Mailer(f"smtp://me:wrong@{address}", SENDER)
        with pytest.raises(MailAway):
            await mailer.send(LETTER)
        with pytest.raises(MailRefused):
            await mailer.try_out()


async def test_a_host_that_cannot_be_one_is_a_fault_of_the_settings_and_costs_no_mail() -> None:
    mailer = Mailer("smtp://mail..example.org", SENDER)

    with pytest.raises(MailAway):
        await mailer.send(LETTER)
    with pytest.raises(MailAway):
        await mailer.try_out()


async def test_a_server_that_takes_too_long_over_all_its_steps_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    server.step_seconds = 0.4
    monkeypatch.setattr("tabletap.infra.mail._LONGEST_SECONDS", 0.6)
    with serving(server) as address, pytest.raises(MailAway):
        await Mailer(f"smtp://{address}", SENDER).send(LETTER)

    assert server.messages == []


async def test_a_mail_that_was_taken_is_sent_though_the_server_never_says_goodbye(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    server.says_goodbye = False
    monkeypatch.setattr("tabletap.infra.mail._LONGEST_SECONDS", 1)
    with serving(server) as address:
        await Mailer(f"smtp://{address}", SENDER).send(LETTER)

    assert len(server.messages) == 1
