"""Starting a payment, asking how it stands, giving it up: with a provider that is well, and with one that is not."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tabletap.payments.gateways.gateway import Gateway
from tabletap.payments.model import Answer, Payment
from tabletap.testing.basics import GatewayBasics
from tabletap.testing.provider import (
    RETURN_URL,
    ProviderUnderTest,
    Trouble,
    after,
    context_for,
    payment_by,
)

_AFTER_THE_FIRST_BYTE: tuple[Trouble, ...] = ("unheard", "lost", "broken", "hanging")


class AtProvider(GatewayBasics):
    """What the suites of a gateway with a provider have in common."""

    notices: bool = True
    """Whether the provider calls us."""

    @abstractmethod
    def provider(self) -> AbstractAsyncContextManager[ProviderUnderTest]:
        """A fresh simulator of the provider, listening while inside."""

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[tuple[ProviderUnderTest, Gateway]]:
        """A simulator and a gateway that talks to it."""
        async with self.provider() as provider:
            gateway = type(self).factory(context_for(provider.account))
            try:
                yield provider, gateway
            finally:
                await gateway.close()

    def payment(self, provider: ProviderUnderTest, gateway: Gateway, *, method: str | None = None) -> Payment:
        """A payment of 4.80 and a tip of 0.48, about to be started."""
        return payment_by(gateway, provider.account, currency=self.currency, method=method)

    async def paid(self, provider: ProviderUnderTest, gateway: Gateway) -> Payment:
        """A payment that was started, paid and asked about."""
        payment = self.payment(provider, gateway)
        payment = after(payment, await gateway.start(payment, RETURN_URL))
        await provider.approve(payment.id)
        answer = await gateway.check(payment)
        assert answer.state == "completed", f"paid, and yet the gateway says {answer}"
        return after(payment, answer)


def _tells_the_truth(payment: Payment, answer: Answer) -> None:
    """A provider that agrees is quoted, so that one that does not is noticed."""
    told = (answer.amount_minor, answer.currency, answer.reference)
    ours = (payment.total_minor, payment.currency, payment.id)
    assert told == ours, f"the answer has to quote the provider's amount, currency and our reference: {answer}"


def _says_nothing(answer: Answer, why: str) -> None:
    assert answer.state is None, f"{why}: the outcome is unknown, and yet the gateway says {answer}"
    assert not answer.unknown_there, f"{why}: the provider did not say that it knows nothing: {answer}"


class Starting(AtProvider):
    """`start`."""

    async def test_a_start_says_what_the_provider_made_of_it(self) -> None:
        """For every method: its state, its id there, and amount, currency and reference as the provider has them."""
        async with self.at_work() as (provider, gateway):
            for method in gateway.methods:
                payment = self.payment(provider, gateway, method=method)
                answer = await gateway.start(payment, RETURN_URL)
                assert answer.state in ("pending", "processing", "completed"), f"{method}: {answer}"
                assert answer.gateway_payment_id, f"{method}: what does the provider call it? {answer}"
                assert answer.evidence == "api_response", f"{method}: {answer}"
                _tells_the_truth(payment, answer)

    async def test_the_same_payment_started_twice_is_charged_once(self) -> None:
        """Its id is its key there: a start that is repeated after a crash is the same start."""
        async with self.at_work() as (provider, gateway):
            payment = self.payment(provider, gateway)
            first = await gateway.start(payment, RETURN_URL)
            second = await gateway.start(payment, RETURN_URL)
            await provider.approve(payment.id)
            assert first.gateway_payment_id == second.gateway_payment_id, "the provider made two of one payment"
            charges = await provider.charges()
            assert [charge.reference for charge in charges] == [payment.id], f"charged {len(charges)} times"

    async def test_with_nobody_there_nothing_was_sent(self) -> None:
        """A refused connection proves that nothing happened: the guest may choose again at once."""
        async with self.at_work() as (provider, gateway):
            await provider.leave()
            answer = await gateway.start(self.payment(provider, gateway), RETURN_URL)
            assert (answer.not_sent, answer.state) == (True, None), f"no connection, and yet {answer}"

    async def test_without_an_answer_it_is_unknown_and_never_failed(self) -> None:
        """Anything after the first byte may have been done: only a question tells."""
        for trouble in _AFTER_THE_FIRST_BYTE:
            async with self.at_work() as (provider, gateway):
                await provider.trouble("start", trouble)
                answer = await gateway.start(self.payment(provider, gateway), RETURN_URL)
                _says_nothing(answer, trouble)
                assert not answer.not_sent, f"{trouble}: something was sent, and yet {answer}"


class Asking(AtProvider):
    """`check`."""

    async def test_what_was_paid_is_completed(self) -> None:
        """With the query as evidence."""
        async with self.at_work() as (provider, gateway):
            payment = await self.paid(provider, gateway)
            answer = await gateway.check(payment)
            assert (answer.state, answer.evidence) == ("completed", "query"), f"{answer}"
            _tells_the_truth(payment, answer)

    async def test_what_was_declined_is_failed(self) -> None:
        """And nothing was charged."""
        async with self.at_work() as (provider, gateway):
            payment = self.payment(provider, gateway)
            await gateway.start(payment, RETURN_URL)
            await provider.decline(payment.id)
            assert (await gateway.check(payment)).state == "failed"
            assert list(await provider.charges()) == []

    async def test_our_reference_finds_what_a_lost_answer_hid(self) -> None:
        """The provider's own id never reached us: the payment's id has to be enough."""
        async with self.at_work() as (provider, gateway):
            payment = self.payment(provider, gateway)
            await provider.trouble("start", "lost")
            await gateway.start(payment, RETURN_URL)
            await provider.approve(payment.id)
            answer = await gateway.check(payment)
            assert answer.state == "completed", f"paid behind a lost answer, and yet {answer}"
            assert answer.gateway_payment_id, f"what does the provider call it? {answer}"
            assert [charge.reference for charge in await provider.charges()] == [payment.id]

    async def test_what_the_provider_never_saw_is_unknown_there(self) -> None:
        """That is not failed: it may be started (again)."""
        async with self.at_work() as (provider, gateway):
            answer = await gateway.check(self.payment(provider, gateway))
            assert (answer.state, answer.unknown_there) == (None, True), f"never started, and yet {answer}"

    async def test_a_question_without_an_answer_says_nothing_that_is_not_so(self) -> None:
        """Neither that it failed nor that the provider knows nothing of it. The question may be repeated."""
        for trouble in _AFTER_THE_FIRST_BYTE:
            async with self.at_work() as (provider, gateway):
                payment = self.payment(provider, gateway)
                payment = after(payment, await gateway.start(payment, RETURN_URL))
                await provider.trouble("ask", trouble)
                answer = await gateway.check(payment)
                assert answer.state in (None, payment.state), f"{trouble}: it is {payment.state}, and yet {answer}"
                assert not answer.unknown_there, f"{trouble}: the provider did not say that: {answer}"
        async with self.at_work() as (provider, gateway):
            await provider.leave()
            _says_nothing(await gateway.check(self.payment(provider, gateway)), "nobody there")

    async def test_another_amount_or_currency_than_ours_is_told(self) -> None:
        """TableTap then keeps the goods back and has a person look; a gateway that hides it gives coffee away."""
        async with self.at_work() as (provider, gateway):
            amount, currency = self.payment(provider, gateway), self.payment(provider, gateway)
            for payment in (amount, currency):
                await gateway.start(payment, RETURN_URL)
            await provider.approve_wrongly(amount.id, "amount")
            await provider.approve_wrongly(currency.id, "currency")
            told = await gateway.check(amount)
            assert told.amount_minor not in (None, amount.total_minor), f"another amount was paid, and yet {told}"
            told = await gateway.check(currency)
            assert told.currency not in (None, currency.currency), f"another currency was paid, and yet {told}"


class GivingUp(AtProvider):
    """`cancel`."""

    async def test_what_is_cancelled_cannot_be_paid_any_more(self) -> None:
        """TableTap frees the bill on this answer: the guest may pay in another way."""
        async with self.at_work() as (provider, gateway):
            payment = self.payment(provider, gateway)
            payment = after(payment, await gateway.start(payment, RETURN_URL))
            for _ in range(2):
                answer = await gateway.cancel(payment)
                assert answer.state in ("cancelled", "expired"), f"cancelled, and yet {answer}"
            await provider.approve(payment.id)
            assert list(await provider.charges()) == [], "it was paid after it had been cancelled"

    async def test_what_was_paid_is_not_cancelled(self) -> None:
        """The provider's word counts: the money is there."""
        async with self.at_work() as (provider, gateway):
            payment = await self.paid(provider, gateway)
            assert (await gateway.cancel(payment)).state == "completed"

    async def test_it_can_be_cancelled_by_our_reference_alone(self) -> None:
        """The answer to the start was lost; its time is over all the same."""
        async with self.at_work() as (provider, gateway):
            payment = self.payment(provider, gateway)
            await gateway.start(payment, RETURN_URL)  # and we never learn its id there
            answer = await gateway.cancel(payment)
            assert answer.state in ("cancelled", "expired"), f"cancelled, and yet {answer}"

    async def test_a_cancelling_without_an_answer_frees_nothing_that_could_still_be_paid(self) -> None:
        """If the gateway says that it ended, it has ended there."""
        for trouble in _AFTER_THE_FIRST_BYTE:
            async with self.at_work() as (provider, gateway):
                payment = self.payment(provider, gateway)
                payment = after(payment, await gateway.start(payment, RETURN_URL))
                await provider.trouble("cancel", trouble)
                answer = await gateway.cancel(payment)
                await provider.approve(payment.id)
                ended = answer.state in ("cancelled", "expired", "failed")
                assert not (ended and list(await provider.charges())), f"{trouble}: {answer}, and it was paid"
