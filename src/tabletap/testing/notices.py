"""What providers tell us: signed over the raw bytes or refused, whatever comes; and secrets that show nowhere."""

from collections.abc import Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.ids import new_id
from tabletap.payments.accounts.model import ProviderAccount
from tabletap.payments.errors import WebhookSignatureInvalid
from tabletap.payments.gateways.gateway import Gateway, Notice, NoticedGateway
from tabletap.payments.model import Payment
from tabletap.testing.asking import AtProvider
from tabletap.testing.provider import RETURN_URL, ProviderUnderTest, after, refund_of

_OTHER_SECRET = "a-secret-of-somebody-else"  # noqa: S105 - it opens nothing
_BODIES = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=8,
    ).map(msgspec.json.encode),
)
_VALUES = st.one_of(st.text(max_size=80), st.from_regex(r"\A[0-9a-f]{0,70}\Z"))


def _told(provider: ProviderUnderTest, payment: Payment) -> tuple[bytes, str]:
    """A genuine notice and the secret it is signed with."""
    return provider.notice(payment), provider.account.webhook_secrets[0]


def _noticed(gateway: Gateway) -> NoticedGateway:
    assert isinstance(gateway, NoticedGateway), "a gateway without `read_notice` sets `notices = False`"
    return gateway


def _is_refused(gateway: Gateway, headers: Mapping[str, str], raw: bytes, account: ProviderAccount) -> bool:
    """Whether it is turned away as it has to be: with WebhookSignatureInvalid and nothing else."""
    try:
        _noticed(gateway).read_notice(headers, raw, account)
    except WebhookSignatureInvalid as refusal:
        _shows_no_secret(str(refusal), account)
        return True
    return False


def _shows_no_secret(text: str, account: ProviderAccount) -> None:
    for secret in (account.api_key, *account.webhook_secrets):
        assert not secret or secret not in text, "a secret shows"


class Telling(AtProvider):
    """`read_notice`."""

    async def test_a_genuine_notice_says_where_to_look(self) -> None:
        """About a payment, and about a refund of it. What it says of the outcome is not believed."""
        if not self.notices:
            return
        async with self.at_work() as (provider, gateway):
            payment = self.payment(provider, gateway)
            raw, secret = _told(provider, payment)
            notice = self._read(provider, gateway, raw, secret)
            assert notice.reference == payment.id, f"{notice}"
            assert notice.event_type.startswith("payment."), f"TableTap asks about `payment.…` and `refund.…`: {notice}"
            refund = refund_of(payment, 100)
            notice = self._read(provider, gateway, provider.notice(payment, refund), secret)
            assert (notice.reference, notice.refund_reference) == (payment.id, refund.id), f"{notice}"

    def _read(self, provider: ProviderUnderTest, gateway: Gateway, raw: bytes, secret: str) -> Notice:
        return _noticed(gateway).read_notice(provider.signed(raw, secret), raw, provider.account)

    async def test_the_same_notice_is_known_again_and_another_is_not(self) -> None:
        """Providers tell things twice; the dedupe id makes one effect of it."""
        if not self.notices:
            return
        async with self.at_work() as (provider, gateway):
            raw, secret = _told(provider, self.payment(provider, gateway))
            other, _ = _told(provider, self.payment(provider, gateway))
            headers = provider.signed(raw, secret)
            ids = [_noticed(gateway).read_notice(headers, raw, provider.account).dedupe_id for _ in range(2)]
            assert ids[0] == ids[1], "the same call twice is one notice"
            assert ids[0], "an empty dedupe id would make one of all notices"
            assert self._read(provider, gateway, other, secret).dedupe_id != ids[0], "two notices are not one"

    async def test_a_wrong_or_missing_signature_is_refused(self) -> None:
        """Of any length; and a genuine one over other bytes, be it a space more."""
        if not self.notices:
            return
        async with self.at_work() as (provider, gateway):
            raw, secret = _told(provider, self.payment(provider, gateway))
            headers, account = provider.signed(raw, secret), provider.account
            assert not _is_refused(gateway, headers, raw, account), "a genuine notice was refused"
            assert _is_refused(gateway, {}, raw, account), "without any header"
            assert _is_refused(gateway, provider.signed(raw, _OTHER_SECRET), raw, account), "another's secret"
            others = provider.signed(raw, _OTHER_SECRET)
            for name in (name for name in headers if headers[name] != others.get(name)):
                value = headers[name]
                for wrong in ("", value[:-1], value + "0", value[:-1] + "é", "0" * len(value), others[name]):
                    assert _is_refused(gateway, {**headers, name: wrong}, raw, account), f"{name}: {wrong!r}"
            for touched in (raw + b" ", b" " + raw, raw[:-1], raw.replace(b":", b": ", 1), b""):
                assert _is_refused(gateway, headers, touched, account), f"other bytes than were signed: {touched!r}"

    async def test_without_a_secret_nothing_is_genuine(self) -> None:
        """Not even what is signed with an empty one."""
        if not self.notices:
            return
        async with self.at_work() as (provider, gateway):
            raw, secret = _told(provider, self.payment(provider, gateway))
            closed = msgspec.structs.replace(provider.account, webhook_secrets=())
            assert _is_refused(gateway, provider.signed(raw, ""), raw, closed), "an account without a secret"
            assert _is_refused(gateway, provider.signed(raw, secret), raw, closed), "an account without a secret"

    async def test_while_a_secret_is_changed_both_are_valid(self) -> None:
        """The provider may sign with either of `webhook_secrets`."""
        if not self.notices:
            return
        async with self.at_work() as (provider, gateway):
            raw, secret = _told(provider, self.payment(provider, gateway))
            both = msgspec.structs.replace(provider.account, webhook_secrets=(_OTHER_SECRET, secret))
            for each in (secret, _OTHER_SECRET):
                assert not _is_refused(gateway, provider.signed(raw, each), raw, both), "a valid secret was refused"

    async def test_whatever_comes_unsigned_is_refused_and_nothing_breaks(self) -> None:
        """Any headers, any bytes: never another exception than WebhookSignatureInvalid."""
        if not self.notices:
            return
        async with self.at_work() as (provider, gateway):
            raw, secret = _told(provider, self.payment(provider, gateway))
            names = st.sampled_from(sorted(provider.signed(raw, secret))) | st.text(max_size=20)

            @given(headers=st.dictionaries(names, _VALUES, max_size=4), body=_BODIES)
            def refused(headers: dict[str, str], body: bytes) -> None:
                assert _is_refused(gateway, headers, body, provider.account), f"accepted: {headers} {body!r}"

            refused()

    async def test_whatever_comes_signed_is_read_or_refused_and_nothing_breaks(self) -> None:
        """A provider may send what we have never heard of: it is kept, and no payment is read into it."""
        if not self.notices:
            return
        async with self.at_work() as (provider, gateway):
            _, secret = _told(provider, self.payment(provider, gateway))

            @given(body=_BODIES)
            def read_or_refused(body: bytes) -> None:
                headers = provider.signed(body, secret)
                if not _is_refused(gateway, headers, body, provider.account):
                    notice = _noticed(gateway).read_notice(headers, body, provider.account)
                    assert notice.dedupe_id, "a dedupe id, whatever comes"
                    assert notice.reference is None or notice.reference.encode() in body, f"{notice}"

            read_or_refused()


class KeepingSecrets(AtProvider):
    """The account's key and secrets are in memory alone."""

    async def test_secrets_show_in_no_repr_and_no_answer(self) -> None:
        """What a gateway says ends up in the payment's history, the log and the manager's screen."""
        async with self.at_work() as (provider, gateway):
            payment, account = self.payment(provider, gateway), provider.account
            said: list[object] = [gateway]
            await provider.trouble("start", "broken")
            said.append(await gateway.start(payment, RETURN_URL))
            payment = after(payment, await gateway.start(payment, RETURN_URL))
            stranger = msgspec.structs.replace(payment, id=new_id())
            said += [payment, await gateway.check(stranger), await gateway.refund(payment, refund_of(payment, 1))]
            if self.notices:
                raw, secret = _told(provider, payment)
                said.append(_noticed(gateway).read_notice(provider.signed(raw, secret), raw, account))
            await provider.leave()
            said += [await gateway.start(payment, RETURN_URL), await gateway.check(payment)]
            for each in said:
                _shows_no_secret(repr(each), account)
