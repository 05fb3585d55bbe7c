"""A cafe's accounts at its payment providers: secrets go in and never come out (issue 2, "Webhooks in")."""

from typing import Annotated, Literal

import msgspec
from litestar import get, post, put
from litestar.params import JSONBody

from tabletap.http.call import Call
from tabletap.http.door import door
from tabletap.http.requests import Address, Given, Secret, ShortText
from tabletap.kernel.people import Role
from tabletap.payments.accounts.errors import ProviderAccountNotFound
from tabletap.payments.accounts.model import (
    MOST_PREVIOUS_HOURS,
    PREVIOUS_VALID_HOURS,
    AccountView,
    ChangeAccount,
    ChangeSecret,
    NewSecretView,
)


class AccountRequest(Given, frozen=True):
    """`PUT /provider-accounts/{provider}`: what is left out stays; to open an account all but the secret is needed."""

    api_url: Address | None = None
    merchant_id: ShortText | None = None
    api_key: Secret | None = None
    webhook_secret: Secret | None = None
    mode: Literal["live", "test"] | None = None

    def wanted(self) -> ChangeAccount:
        """As the service takes it."""
        return ChangeAccount(
            api_url=self.api_url,
            merchant_id=self.merchant_id,
            api_key=self.api_key,
            webhook_secret=self.webhook_secret,
            mode=self.mode,
        )


class SecretRequest(Given, frozen=True):
    """`POST /provider-accounts/{id}/webhook-secret`: the provider's own secret, or none to have one made."""

    webhook_secret: Secret | None = None
    previous_valid_hours: Annotated[int, msgspec.Meta(ge=0, le=MOST_PREVIOUS_HOURS)] = PREVIOUS_VALID_HOURS


A_FRESH_SECRET = SecretRequest()


@get("/provider-accounts/{provider:str}", opt=door(Role.MANAGER))
async def get_account(request: Call) -> AccountView:
    """The cafe's account at a provider: its addresses, the ends of its secrets, how many notices were turned away."""
    return await request.services.provider_accounts.get(str(request.path_params["provider"]), request.user)


@put("/provider-accounts/{provider:str}", opt=door(Role.MANAGER))
async def put_account(request: Call, data: JSONBody[AccountRequest]) -> AccountView:
    """Open the account or change it. A webhook secret that is replaced stays valid for a day."""
    provider = str(request.path_params["provider"])
    return await request.services.provider_accounts.put(provider, data.wanted(), request.user)


@post("/provider-accounts/{account_id:str}/webhook-secret", status_code=200, opt=door(Role.MANAGER))
async def change_webhook_secret(request: Call, data: JSONBody[SecretRequest] = A_FRESH_SECRET) -> NewSecretView:
    """Put another webhook secret in force. It is shown this once; the one before stays valid for a while."""
    account_id = request.id_of("account_id", ProviderAccountNotFound)
    wanted = ChangeSecret(webhook_secret=data.webhook_secret, previous_valid_hours=data.previous_valid_hours)
    return await request.services.provider_accounts.change_secret(account_id, wanted, request.user)


ROUTES = (get_account, put_account, change_webhook_secret)
