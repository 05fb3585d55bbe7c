"""`tabletap webhooks …`: what providers told us, worked off again, and sent again by those who can."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import aiohttp
import msgspec

from tabletap.app import App
from tabletap.cli.console import console, say, table
from tabletap.cli.setting_up import office
from tabletap.kernel.errors import InvalidRequest
from tabletap.kernel.ids import Id, is_id
from tabletap.kernel.people import system
from tabletap.payments import store as payments_store
from tabletap.payments.accounts import store as accounts_store
from tabletap.payments.accounts.model import AccountRow, may_be_live
from tabletap.payments.errors import PaymentNotFound
from tabletap.webhooks.errors import NoticeNotFound
from tabletap.webhooks.model import NoticeState, NoticeView

_PATIENCE = aiohttp.ClientTimeout(total=30)
_LOOK_EVERY_SECONDS = 0.2
_AGO = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class _Sent(msgspec.Struct, rename="camel"):
    """One notice that the sandbox sent again and the status it met."""

    event_type: str
    answer: int | None


class _SentAgain(msgspec.Struct):
    items: list[_Sent]


def moment_of(text: str, now: datetime) -> datetime:
    """`30m`, `24h`, `7d` ago, or an RFC 3339 time. Raises ValueError for anything else."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def list_notices(cafe_id: Id, state: NoticeState | None, limit: int) -> None:
    """Print what came in and what became of it, newest first. Raises CafeNotFound."""
    async with office() as app:
        await app.services.cafes.get(_id(cafe_id))
        page = await app.services.webhooks.list(state, limit, None, system(cafe_id))
    if not page.items:
        say("Nothing came in." if state is None else f"There is no notice that is {state}.")
        return
    shown = table(
        f"Notices, the newest first ({len(page.items)})", "id", "received", "type", "state", "what became of it"
    )
    for notice in page.items:
        received = notice.received_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        shown.add_row(notice.notice_id, received, notice.event_type, notice.state, became_of(notice))
    console().print(shown)
    if page.next_cursor is not None:
        say("There are more: --limit shows up to 200.")


def became_of(notice: NoticeView) -> str:
    """In a few words, what became of a notice."""
    if notice.outcome == "not_ours":
        return f"about nothing of this cafe ({notice.reference})"
    if notice.outcome in ("failed", "unanswered"):
        return f"{notice.error}, tried {notice.attempts} times"
    if notice.outcome is None:
        return "kept as it came" if notice.state == "kept" else "not worked off yet"
    moved = notice.status_after or ""
    if notice.status_before != notice.status_after:
        moved = f"{notice.status_before} → {moved}"
    refund = f", refund {notice.refund_status}" if notice.refund_status else ""
    return f"payment {notice.payment_id}: {moved}{refund}"


async def replay(cafe_id: Id, notice_id: Id | None, since: datetime | None, wait_seconds: int) -> None:
    """Have notices worked off again and say what came of it.

    Raises CafeNotFound, NoticeNotFound, NoticeNotReplayable.
    """
    async with office() as app:
        await app.services.cafes.get(_id(cafe_id))
        by, webhooks = system(cafe_id), app.services.webhooks
        if notice_id is not None:
            if not is_id(notice_id):
                raise NoticeNotFound
            queued: Sequence[NoticeView] = [await webhooks.replay(notice_id, by)]
        else:
            queued = await webhooks.replay_since(since or datetime.now(UTC), by)
        say(f"Notices to be worked off again: {len(queued)}.")
        waiting = await _until_worked_off(app, cafe_id, queued, wait_seconds)
    if waiting:
        say(f"{waiting} of them wait for `tabletap serve` or `tabletap work`, which work them off when they run.")


async def _until_worked_off(app: App, cafe_id: Id, queued: Sequence[NoticeView], wait_seconds: int) -> int:
    """Say of each what became of it as soon as a running server has tried it; answer how many nobody has tried."""
    waiting = {notice.notice_id: notice.attempts for notice in queued}
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while waiting and asyncio.get_running_loop().time() < deadline:
        for notice_id, attempts in [*waiting.items()]:
            now = await app.services.webhooks.get(notice_id, system(cafe_id))
            if now.attempts > attempts or now.state == "handled":
                say(f"{notice_id} {now.event_type}: {now.state}, {became_of(now)}")
                del waiting[notice_id]
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    return len(waiting)


async def redeliver(cafe_id: Id, payment_id: Id) -> None:
    """Have the provider tell us about a payment again: a sandbox sends its notices anew, any other one is asked.

    Both end in the same query. Raises CafeNotFound and PaymentNotFound.
    """
    if not is_id(payment_id):
        raise PaymentNotFound
    async with office() as app:
        await app.services.cafes.get(_id(cafe_id))
        payment = await app.db.read(cafe_id, lambda reader: payments_store.get(reader, payment_id))
        if payment is None:
            raise PaymentNotFound
        account_id = payment.provider_account_id
        if account_id is None:
            raise InvalidRequest("No provider was ever asked about this payment, so none can tell us more.")
        account = await app.db.read(cafe_id, lambda reader: accounts_store.by_id(reader, account_id))
        sent = await _sent_again(account, payment_id) if account is not None else None
        if sent is None:
            await app.services.webhooks.ask_again(payment_id, system(cafe_id))
            say("The provider will be asked about this payment by `tabletap serve` or `tabletap work`.")
            return
        for each in sent:
            met = "nobody answered" if each.answer is None else f"answered with {each.answer}"
            say(f"{each.event_type}: sent again, {met}")
        say(f"Notices sent again: {len(sent)}.")


async def _sent_again(account: AccountRow, payment_id: Id) -> list[_Sent] | None:
    """What the account's sandbox sent again; None where the provider is none, or does not know the payment."""
    if account.mode != "test" or may_be_live(account.api_url):
        return None
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.post(f"{account.api_url}/control/webhooks/redeliver", json={"paymentId": payment_id}) as response,
        ):
            return msgspec.json.decode(await response.read(), type=_SentAgain).items if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
        return None


def _id(cafe_id: str) -> Id:
    """What is no id is no cafe's; the look-up says so in its own words."""
    return cafe_id if is_id(cafe_id) else "ffffffff-ffff-ffff-ffff-ffffffffffff"
