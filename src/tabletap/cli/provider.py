"""The provider that a demo pays through: a sandbox of its own, or whatever TABLETAP_PAYCONIC_API_URL names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import msgspec

from tabletap.cli.folder import Folder
from tabletap.infra.settings import Settings
from tabletap.kernel.errors import Kind, Refusal
from tabletap.sandbox import RunningSandbox, SandboxAccount, start_sandbox
from tabletap.sandbox.errors import AddressInUse

_PATIENCE = aiohttp.ClientTimeout(total=10)


class ProviderAway(Refusal):
    """The payment provider cannot be reached."""

    code, kind, retryable = "provider_unavailable", Kind.UNAVAILABLE, True


class Provider(msgspec.Struct, frozen=True):
    """Where payments go, and the accounts of the demo's cafes there."""

    url: str
    account: SandboxAccount
    other_account: SandboxAccount | None

    @property
    def control_url(self) -> str:
        """Where the sandbox takes orders (contract section 6)."""
        return f"{self.url}/control"


@asynccontextmanager
async def provider_for(settings: Settings, folder: Folder) -> AsyncIterator[Provider]:
    """The provider while inside. Raises ProviderAway, and what starting a sandbox raises."""
    kept = folder.kept
    if settings.payconic_api_url is None:
        sandbox = await _own_sandbox(folder)
        kept.sandbox_port = int(sandbox.url.rsplit(":", 1)[1])
        try:
            yield Provider(sandbox.url, kept.account, kept.other_account)
        finally:
            await sandbox.stop()
        return
    given = given_account(settings)
    if given is not None:
        yield Provider(settings.payconic_api_url, given, None)
        return
    await _introduce(settings.payconic_api_url, kept.account, kept.other_account)
    yield Provider(settings.payconic_api_url, kept.account, kept.other_account)


def given_account(settings: Settings) -> SandboxAccount | None:
    """The account that the settings name, if they name it whole."""
    merchant_id, key, secret = (
        settings.payconic_merchant_id,
        settings.payconic_api_key,
        settings.payconic_webhook_secret,
    )
    return SandboxAccount(merchant_id, key, secret) if merchant_id and key and secret else None


async def _own_sandbox(folder: Folder) -> RunningSandbox:
    """Where it was last time, if that is still free: pay pages that are open stay open."""
    accounts = (folder.kept.account, folder.kept.other_account)
    if folder.kept.sandbox_port:
        with suppress(AddressInUse):
            return await start_sandbox(folder.sandbox_state, accounts, folder.kept.sandbox_port)
    return await start_sandbox(folder.sandbox_state, accounts)


async def _introduce(url: str, *accounts: SandboxAccount) -> None:
    """Make our accounts known to a sandbox that runs elsewhere. Safe to repeat."""
    try:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
            for account in accounts:
                body = msgspec.to_builtins(account)
                async with session.post(f"{url}/control/accounts", json=body) as response:
                    if response.status != 201:
                        raise ProviderAway(
                            f"{url} is no Payconic sandbox; for another provider set TABLETAP_PAYCONIC_MERCHANT_ID, "
                            "TABLETAP_PAYCONIC_API_KEY and TABLETAP_PAYCONIC_WEBHOOK_SECRET, too."
                        )
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ProviderAway(f"The payment provider at {url} cannot be reached: {type(error).__name__}.") from None
