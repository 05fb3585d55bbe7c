"""What a provider does when it calls us, done by a test."""

import hashlib
import hmac
from typing import Any

import msgspec

from tabletap.kernel.ids import new_id
from tabletap.payments.accounts.model import ProviderAccount
from tests.support.jobs import assert_eventually
from tests.support.world import WEBHOOK_SECRET, Answer, World

INBOX = "/webhooks/inbox"


async def account_of(world: World, cafe_id: str) -> ProviderAccount:
    """A cafe's account at the provider, opened."""
    account = await world.app.accounts.find(cafe_id, "payconic")
    assert account is not None
    return account


def sign(raw: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """The signature over a notice's bytes."""
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


async def notify(world: World, raw: bytes, signature: str | None, *, token: str | None = None, **more: str) -> Answer:
    """Call as the provider would."""
    token = token or (await account_of(world, world.home.id)).token
    headers = {**more, **({} if signature is None else {"Payconic-Signature": signature})}
    return await world.call("POST", f"/webhooks/payconic/{token}", None, raw, **headers)


def notice(event_type: str, reference: str | None, **more: Any) -> bytes:
    """A notice's bytes; no two are the same."""
    return msgspec.json.encode({"eventType": event_type, "reference": reference, "nonce": new_id(), **more})


async def card_payment(world: World) -> dict[str, Any]:
    """A payment by card that waits for its guest."""
    started = await world.pay(await world.order(), "payconic_card")
    assert started.status == 201, started
    body: dict[str, Any] = started.body
    return body


async def approve(world: World, payment: dict[str, Any]) -> None:
    """What the guest does on the pay page."""
    await world.control("POST", f"/payments/{payment['gatewayPaymentId']}/approve")


async def told_of(world: World, reference: str, who: str = "manager") -> list[dict[str, Any]]:
    """What the inbox says of the notices about a payment, newest first."""
    answer = await world.call("GET", f"{INBOX}?limit=200", who)
    assert answer.status == 200, answer
    return [each for each in answer.body["items"] if each.get("reference") == reference]


async def until_told(world: World, reference: str, *states: str) -> list[dict[str, Any]]:
    """Wait until the notices about a payment are in these states, newest first."""

    async def is_so() -> bool:
        return [each["state"] for each in await told_of(world, reference)] == list(states)

    await assert_eventually(is_so)
    return await told_of(world, reference)
