"""Refunds: in parts, repeated, too much, and with answers that never come."""

from tabletap.payments.gateways.gateway import Gateway
from tabletap.payments.model import Payment, Refund, RefundAnswer
from tabletap.testing.asking import AtProvider
from tabletap.testing.provider import ProviderUnderTest, Trouble, refund_of

_AFTER_THE_FIRST_BYTE: tuple[Trouble, ...] = ("unheard", "lost", "broken", "hanging")


async def _refunded(provider: ProviderUnderTest, payment: Payment) -> int:
    """What really went back of a payment."""
    return sum(charge.refunded_minor for charge in await provider.charges() if charge.reference == payment.id)


async def _settled_by_asking(provider: ProviderUnderTest, gateway: Gateway, payment: Payment, refund: Refund) -> None:
    """TableTap asks until it knows; a refund that the provider never saw may be made by the question."""
    answer = await gateway.check_refund(payment, refund)
    assert answer.status in ("pending", "completed"), f"asked, and yet {answer}"
    assert await _refunded(provider, payment) == refund.amount_minor


class GivingBack(AtProvider):
    """`refund` and `check_refund`."""

    partial_refunds: bool = True
    """Whether the provider sends parts of a payment back."""

    def _part(self, payment: Payment) -> int:
        return 200 if self.partial_refunds else payment.total_minor

    async def test_what_was_paid_can_go_back(self) -> None:
        """All of it, the tip as well."""
        async with self.at_work() as (provider, gateway):
            payment = await self.paid(provider, gateway)
            refund = refund_of(payment, payment.total_minor)
            answer = await gateway.refund(payment, refund)
            assert answer.status in ("pending", "completed"), f"{answer}"
            assert (await gateway.check_refund(payment, refund)).status in ("pending", "completed")
            assert await _refunded(provider, payment) == payment.total_minor

    async def test_parts_go_back_until_nothing_is_left(self) -> None:
        """Each under its own reference; more than is left is refused for good and sends nothing."""
        if not self.partial_refunds:
            return
        async with self.at_work() as (provider, gateway):
            payment = await self.paid(provider, gateway)
            for amount in (200, payment.total_minor - 200):
                answer = await gateway.refund(payment, refund_of(payment, amount))
                assert answer.status in ("pending", "completed"), f"{answer}"
            assert await _refunded(provider, payment) == payment.total_minor
            assert (await gateway.refund(payment, refund_of(payment, 1))).status == "failed", "1 more than was paid"
            assert await _refunded(provider, payment) == payment.total_minor

    async def test_more_than_was_paid_is_refused_for_good(self) -> None:
        """`failed`: TableTap gives what it had set aside free again."""
        async with self.at_work() as (provider, gateway):
            payment = await self.paid(provider, gateway)
            answer = await gateway.refund(payment, refund_of(payment, payment.total_minor + 1))
            assert answer.status == "failed", f"more than was paid, and yet {answer}"
            assert await _refunded(provider, payment) == 0

    async def test_a_refund_that_is_repeated_is_made_once(self) -> None:
        """Its id is its key there."""
        async with self.at_work() as (provider, gateway):
            payment = await self.paid(provider, gateway)
            refund = refund_of(payment, self._part(payment))
            answers = [await gateway.refund(payment, refund) for _ in range(3)]
            assert all(answer.status in ("pending", "completed") for answer in answers), f"{answers}"
            assert await _refunded(provider, payment) == refund.amount_minor

    async def test_a_refund_without_an_answer_is_unknown_and_settled_by_asking(self) -> None:
        """Never failed, or staff press again; asking finds it or makes it, once."""
        for trouble in _AFTER_THE_FIRST_BYTE:
            async with self.at_work() as (provider, gateway):
                payment = await self.paid(provider, gateway)
                refund = refund_of(payment, self._part(payment))
                await provider.trouble("refund", trouble)
                answer = await gateway.refund(payment, refund)
                _says_nothing(answer, trouble)
                assert not answer.not_sent, f"{trouble}: something was sent, and yet {answer}"
                await _settled_by_asking(provider, gateway, payment, refund)

    async def test_a_question_after_a_refund_without_an_answer_says_nothing_that_is_not_so(self) -> None:
        """A refund that went through is not undone by a question that got lost."""
        for trouble in _AFTER_THE_FIRST_BYTE:
            async with self.at_work() as (provider, gateway):
                payment = await self.paid(provider, gateway)
                refund = refund_of(payment, self._part(payment))
                await gateway.refund(payment, refund)
                await provider.trouble("ask", trouble)
                answer = await gateway.check_refund(payment, refund)
                assert answer.status in (None, "pending", "completed"), f"{trouble}: it was made, and yet {answer}"
                assert await _refunded(provider, payment) == refund.amount_minor

    async def test_with_nobody_there_a_refund_is_not_failed(self) -> None:
        """It stays reserved and is asked for again later on."""
        async with self.at_work() as (provider, gateway):
            payment = await self.paid(provider, gateway)
            await provider.leave()
            answer = await gateway.refund(payment, refund_of(payment, self._part(payment)))
            _says_nothing(answer, "nobody there")
            _says_nothing(await gateway.check_refund(payment, refund_of(payment, 1)), "nobody there")


def _says_nothing(answer: RefundAnswer, why: str) -> None:
    assert answer.status is None, f"{why}: the outcome is unknown, and yet the gateway says {answer}"
