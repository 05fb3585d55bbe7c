"""Sending mail by SMTP."""

import asyncio
import ipaddress
import ssl
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from tabletap.kernel.clock import Clock, SystemClock

_TIMEOUT_SECONDS = 20
_LONGEST_SECONDS = 35
"""A delivery before its QUIT: both are over before a job's time is, so that a slow server is noted, not cut off."""
_SUBMISSION, _SUBMISSION_OVER_TLS = 587, 465
"""RFC 6409 and RFC 8314."""


_FAULTS = (aiosmtplib.SMTPException, OSError, ValueError)
"""Of a connection. ValueError: a host whose name cannot be one, which is a fault of the settings and not of a mail."""


class MailRefused(Exception):
    """The mail server will never take this message; trying again is in vain."""


class MailAway(Exception):
    """The mail server cannot be reached, or asks to try again later."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail with a PDF in it. Its id makes it one and the same message however often it is sent."""

    id: str
    to: str
    subject: str
    text: str
    html: bytes
    file_name: str
    pdf: bytes


class Mailer:
    """A mail server: `smtp://user:password@host:port`, or `smtps://…` for TLS from the first byte.

    A password is only ever sent over TLS, or to this machine itself.
    """

    def __init__(self, url: str, sender: str, clock: Clock | None = None) -> None:
        self.url, self.sender, self.clock = urlsplit(url), sender, clock or SystemClock()

    async def send(self, letter: Letter) -> None:
        """Hand a message over. Once the server has taken it, nothing makes it fail. Raises MailAway and MailRefused."""
        try:
            message = self._message(letter)
        except (ValueError, HeaderParseError) as error:
            raise MailRefused(f"this address cannot be written to: {type(error).__name__}") from None
        taken = False
        try:
            async with asyncio.timeout(_LONGEST_SECONDS), self._connection() as connection:
                await self._sign_in(connection)
                await connection.send_message(message)
                taken = True
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            if _is_for_ever(error):
                raise MailRefused(_said(error)) from None
            raise MailAway(_said(error)) from None
        except aiosmtplib.SMTPNotSupported as error:
            raise MailRefused(f"this address cannot be written to: {type(error).__name__}") from None
        except _FAULTS as error:
            if not taken:
                raise MailAway(type(error).__name__) from None

    async def try_out(self) -> None:
        """Connect and sign in, and send nothing. Raises MailAway and MailRefused."""
        try:
            async with asyncio.timeout(_LONGEST_SECONDS), self._connection() as connection:
                await self._sign_in(connection)
        except aiosmtplib.SMTPResponseException as error:
            raise MailRefused(_said(error)) from None
        except _FAULTS as error:
            raise MailAway(type(error).__name__) from None

    def _connection(self) -> aiosmtplib.SMTP:
        secure = self.url.scheme == "smtps"
        needs_tls = self.url.username is not None and not _is_here(self.url.hostname or "")
        return aiosmtplib.SMTP(
            hostname=self.url.hostname,
            port=self.url.port or (_SUBMISSION_OVER_TLS if secure else _SUBMISSION),
            use_tls=secure,
            # None: wherever the server offers it. True: or there is no mail.
            start_tls=True if needs_tls and not secure else False if secure else None,
            tls_context=ssl.create_default_context(),
            timeout=_TIMEOUT_SECONDS,
        )

    async def _sign_in(self, connection: aiosmtplib.SMTP) -> None:
        if self.url.username is not None:
            await connection.login(unquote(self.url.username), unquote(self.url.password or ""))

    def _message(self, letter: Letter) -> EmailMessage:
        name, own_address = parseaddr(self.sender)
        message = EmailMessage()
        message["From"] = Address(name, addr_spec=own_address)
        message["To"] = Address(addr_spec=letter.to)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = f"<{letter.id}@{own_address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in answer to receipts
        message.set_content(letter.text)
        message.add_alternative(letter.html.decode(), subtype="html")
        message.add_attachment(letter.pdf, maintype="application", subtype="pdf", filename=letter.file_name)
        return message


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_for_ever(error: aiosmtplib.SMTPException) -> bool:
    """SMTP answers from 500 on are final (RFC 5321, section 4.2.1), where they are about this recipient or message.

    A server that wants no mail of ours at all, our password or our sender's address: somebody will set that right, and
    the mail is not to blame.
    """
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(each.code >= 500 for each in error.recipients)
    return isinstance(error, aiosmtplib.SMTPDataError) and error.code >= 500


def _said(error: aiosmtplib.SMTPException) -> str:
    """The server's code alone: its words may name people."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return f"{type(error).__name__} {', '.join(str(each.code) for each in error.recipients)}"
    return f"{type(error).__name__} {error.code}" if isinstance(error, aiosmtplib.SMTPResponseException) else ""
