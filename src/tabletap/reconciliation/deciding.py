"""What a run knows while it goes through a file: what is awaited, who paid from where, what was decided just now."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from tabletap.infra.db.transaction import Reader
from tabletap.kernel.ids import Id
from tabletap.reconciliation import matching
from tabletap.reconciliation.expected import store as expected
from tabletap.reconciliation.matching import Announced, Awaited, Decision, LineFacts, Returning, Take
from tabletap.reconciliation.payouts import store as payouts
from tabletap.reconciliation.suggesting import Candidates

LOOK_BACK = timedelta(days=90)
"""How old a transfer may be to be suggested for a line without a reference. One with a reference is always found."""
_PAGE = 2_000
_AFTER_ALL: Id = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What look-ups say about one line."""

    facts: LineFacts
    references: frozenset[str]
    awaited: tuple[Awaited, ...]
    """Behind its references, each once, in the order of their ids."""


class Knowledge:
    """What matching needs to know beside the line itself, looked up once a run and kept up by its own decisions.

    Decisions that move money are made again in their transaction, on rows that are held: this only points them out.
    """

    def __init__(self) -> None:
        self._candidates: Candidates | None = None
        self._returning: list[Returning] | None = None
        self._announced: list[Announced] | None = None
        self._payers: dict[str, set[str]] = {}
        self._taken: dict[Id, Awaited] = {}
        """Transfers as the lines before this one have left them, or in a dry run would have."""

    async def prepare(self, reader: Reader, lines: Iterable[tuple[LineFacts, frozenset[str]]]) -> list[Found]:
        """Look up what a portion of lines needs, for all of them at once."""
        lines = list(lines)
        by_reference = await expected.awaited_by_references(reader, (ref for _, refs in lines for ref in refs))
        found = [Found(facts=facts, references=refs, awaited=_behind(by_reference, refs)) for facts, refs in lines]
        strangers = [each.facts for each in found if not each.awaited]
        if any(facts.amount_minor > 0 for facts in strangers):
            await self._prepare_guesses(reader, strangers)
        if self._returning is None and any(facts.amount_minor < 0 for facts, _ in lines):
            self._returning = await expected.returning(reader, reader.now - LOOK_BACK, _PAGE)
        return found

    async def _prepare_guesses(self, reader: Reader, strangers: list[LineFacts]) -> None:
        if self._candidates is None:
            self._candidates = Candidates(await all_awaited(reader, reader.now - LOOK_BACK))
            self._announced = await payouts.announced(reader)
        accounts = {facts.counterparty_account for facts in strangers if facts.counterparty_account is not None}
        self._payers |= await expected.payers(reader, accounts - self._payers.keys())

    def decide(self, line: Found) -> Decision:
        """Where a line would end, as far as is known now."""
        awaited = self._as_left(line)
        if line.facts.amount_minor < 0:
            returning = self._returning or []
            return matching.decide_outgoing(line.facts, awaited, returning, line.references)
        if line.facts.reversal:
            return matching.decide_reversed(line.facts, awaited)
        if awaited:
            return matching.decide_incoming(line.facts, awaited)
        announced = self._announced or []
        payout = matching.decide_payout(line.facts, announced)
        if payout is not None:
            return payout
        guesses = self._candidates.suggest(line.facts, self._payers) if self._candidates is not None else []
        return matching.waiting([*matching.suggest_payouts(line.facts, announced), *guesses])

    def _as_left(self, line: Found) -> tuple[Awaited, ...]:
        return tuple(self._taken.get(each.payment_id, each) for each in line.awaited)

    def learn(self, line: Found, takes: Iterable[Take]) -> None:
        """What a decision took wants nothing any more, or less: the next lines of the same file see it."""
        by_id = {each.payment_id: each for each in self._as_left(line)}
        for take in takes:
            if take.target == "payment" and (awaited := by_id.get(take.target_id)) is not None:
                self._taken[take.target_id] = matching.after_taking(awaited, take.amount_minor)
                if self._candidates is not None:
                    self._candidates.forget(awaited)
            elif take.target == "refund" and self._returning is not None:
                self._returning = [each for each in self._returning if each.refund_id != take.target_id]
            elif take.target == "payout" and self._announced is not None:
                self._announced = [each for each in self._announced if each.payout_id != take.target_id]


def _behind(by_reference: Mapping[str, Awaited], references: frozenset[str]) -> tuple[Awaited, ...]:
    found = {by_reference[ref].payment_id: by_reference[ref] for ref in references if ref in by_reference}
    return tuple(found[payment_id] for payment_id in sorted(found))


async def all_awaited(reader: Reader, since: datetime) -> list[Awaited]:
    """Transfers that were asked for since then and of which something was not seen on a statement; newest first."""
    found: list[Awaited] = []
    before = _AFTER_ALL
    while page := await expected.awaited_since(reader, since, before, _PAGE):
        found += page
        before = page[-1].payment_id
    return found
