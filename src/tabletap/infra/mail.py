"""Sending mail by SMTP."""

import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

_TIMEOUT_SECONDS = 20


class MailRefused(Exception):
    """The mail server will never take this message; trying again is in vain."""


class MailAway(Exception):
    """The mail server cannot be reached, or asks to try again later."""


class Mailer:
    """A mail server: `smtp://user:password@host:port`, or `smtps://…` for TLS from the first byte."""

    def __init__(self, url: str, sender: str) -> None:
        self.url, self.sender = urlsplit(url), sender

    async def send(self, to: str, subject: str, text: str, html: bytes, attached: tuple[str, bytes]) -> None:
        """Hand a message over. Raises MailAway and MailRefused."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message.set_content(text)
        message.add_alternative(html.decode(), subtype="html")
        name, content = attached
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
        secure = self.url.scheme == "smtps"
        try:
            await aiosmtplib.send(
                message,
                hostname=self.url.hostname,
                port=self.url.port or (465 if secure else 587),
                username=unquote(self.url.username) if self.url.username else None,
                password=unquote(self.url.password) if self.url.password else None,
                use_tls=secure,
                start_tls=True if self.url.username and not secure else None,
                tls_context=ssl.create_default_context(),
                timeout=_TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            if _is_for_ever(error):
                raise MailRefused(type(error).__name__) from None
            raise MailAway(type(error).__name__) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailAway(type(error).__name__) from None


def _is_for_ever(error: aiosmtplib.SMTPException) -> bool:
    """SMTP answers from 500 on are final (RFC 5321, section 4.2.1)."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(each.code >= 500 for each in error.recipients)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return False  # our own password: somebody will set it right, and the mail is not to blame
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500
