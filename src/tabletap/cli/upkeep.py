"""Looking after an installation: the schema, and whether everything that the settings name is there."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp

from tabletap import tables  # noqa: F401 - importing the tables fills the metadata
from tabletap.cli.console import console, say, table
from tabletap.cli.provider import ProviderAway, given_account
from tabletap.cli.running import begin_logs
from tabletap.infra.broker import MemoryBroker
from tabletap.infra.db.migrate import migrate
from tabletap.infra.db.open import open_database
from tabletap.infra.db.revision import current_revision, newest_revision, require_current
from tabletap.infra.mail import MailAway, Mailer, MailRefused
from tabletap.infra.secrets import Sealer, SecretsUnreadable
from tabletap.infra.settings import Settings, load_settings
from tabletap.infra.shared.link import try_out
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.errors import Kind, Refusal
from tabletap.payments.accounts.service import Accounts
from tabletap.reactions import follow

_PATIENCE_SECONDS = 10


class NotInOrder(Refusal):
    """Something that the settings name does not work."""

    code = "check_failed"


class MailNotInOrder(Refusal):
    """The mail server cannot be reached, or does not take us."""

    code, kind, retryable = "mail_unavailable", Kind.UNAVAILABLE, True


# --- the schema -------------------------------------------------------------------------


async def prepare(database_url: str) -> str:
    """Bring the database to the current schema and answer its revision. Safe to repeat, also from two places at once.

    Raises DatabaseAway.
    """
    if await current_revision(database_url) == newest_revision():
        return newest_revision()
    return await migrate(database_url)


async def migrate_database() -> None:
    """`tabletap migrate`. The guards are put up again, too, so it is never skipped. Raises DatabaseAway."""
    settings = load_settings()
    begin_logs(settings, quiet=True)
    before = await current_revision(settings.database_url)
    after = await migrate(settings.database_url)
    say(f"The database has schema {after}" + (", as before." if after == before else "."))


# --- what the settings name ---------------------------------------------------------------


async def check() -> None:
    """Print the settings in force, secrets masked, and try what they name. Raises NotInOrder."""
    settings = load_settings()
    begin_logs(settings, quiet=True)
    shown = table("Settings in force", "variable", "value")
    for name, value in settings.masked().items():
        shown.add_row(name, value)
    console().print(shown)
    tried = table("\nTried", "what", "result")
    faults = []
    for what, attempt in _ATTEMPTS.items():
        try:
            result = await attempt(settings)
        except Refusal as refusal:
            faults.append(f"{what}: {refusal.detail}")
            result = refusal.detail
        tried.add_row(what, result)
    console().print(tried)
    if faults:
        raise NotInOrder(" ".join(faults))


async def _secret(settings: Settings) -> str:
    return f"strong enough ({len(settings.require_strong_secret())} characters)"


async def _database(settings: Settings) -> str:
    await require_current(settings.database_url)
    return f"answers, schema {newest_revision()}"


async def _provider_secrets(settings: Settings) -> str:
    """Open what is sealed, as the server will have to."""
    try:
        await require_current(settings.database_url)
    except Refusal:
        return "not tried: the database comes first"
    db = open_database(settings.database_url, SystemClock(), follow, MemoryBroker().publish, 1)
    await db.start()
    try:
        count, closed = await Accounts(db, Sealer(settings.encryption_keys, settings.jwt_secret or "")).unreadable()
    finally:
        await db.stop()
    if closed:
        raise SecretsUnreadable(
            f"{closed} of {count} provider accounts have secrets that were sealed with another key: set "
            "TABLETAP_ENCRYPTION_KEYS or TABLETAP_JWT_SECRET to what it was, or enter those secrets anew."
        )
    return f"all open, accounts: {count}"


async def _broker(settings: Settings) -> str:
    if settings.redis_url is None:
        return "in memory, for a single process"
    await try_out(settings.redis_url, _PATIENCE_SECONDS)
    return "answers"


async def _provider(settings: Settings) -> str:
    url, account = settings.payconic_api_url, given_account(settings)
    if url is None:
        return "not set: cafes have accounts of their own, or none"
    headers = {"Authorization": f"Bearer {account.api_key}", "X-Merchant-ID": account.merchant_id} if account else {}
    timeout = aiohttp.ClientTimeout(total=min(_PATIENCE_SECONDS, settings.payconic_timeout_seconds))
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/payments?reference=check", headers=headers) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ProviderAway(f"The payment provider at {url} cannot be reached: {_reason(error)}.") from None
    if account is None:
        return "answers; no account is set, cafes have their own"
    if status != 200:
        raise ProviderAway(f"The payment provider at {url} does not take our account: status {status}.")
    return "answers and takes our account"


async def _mail(settings: Settings) -> str:
    """Connect and sign in; no message is sent."""
    if settings.smtp_url is None and settings.mail_from is None:
        return "not set: no receipt is sent by mail"
    if settings.smtp_url is None or settings.mail_from is None:
        raise MailNotInOrder("TABLETAP_SMTP_URL and TABLETAP_MAIL_FROM only work together: set both, or none.")
    host = urlsplit(settings.smtp_url).hostname
    try:
        await Mailer(settings.smtp_url, settings.mail_from).try_out()
    except MailAway as error:
        raise MailNotInOrder(f"The mail server {host} cannot be reached: {_reason(error)}.") from None
    except MailRefused as error:
        raise MailNotInOrder(f"The mail server {host} refuses us: {_reason(error)}.") from None
    return "answers and takes our account" if urlsplit(settings.smtp_url).username else "answers"


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


_ATTEMPTS: dict[str, Callable[[Settings], Awaitable[str]]] = {
    "secret": _secret,
    "database": _database,
    "provider secrets": _provider_secrets,
    "broker": _broker,
    "provider": _provider,
    "mail": _mail,
}
