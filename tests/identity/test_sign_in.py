"""Signing in with a password, as a guest, going on with a refresh token, signing out."""

import asyncio

import pytest

from tabletap.cafes.model import Cafe
from tabletap.identity.errors import (
    CafeRequired,
    CredentialsInvalid,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from tabletap.identity.model import CreateCustomer, SignedIn
from tabletap.identity.service import IdentityService
from tabletap.identity.tokens import Tokens
from tabletap.infra.db.open import AnyDatabase
from tabletap.kernel.errors import TooMany
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role, system
from tests.support.rows import MovedClock

PASSWORD = "flat white, two sugars"


async def manager_of(identity: IdentityService, cafe: Cafe, email: str = "mia@example.org") -> None:
    await identity.add_staff(
        name="Mia",
        email=email,
        password=PASSWORD,
        roles=frozenset({Role.MANAGER, Role.KITCHEN}),
        by=system(cafe.cafe_id),
    )


async def test_staff_sign_in_and_get_what_the_contract_promises(
    identity: IdentityService, tokens: Tokens, cafe: Cafe
) -> None:
    await manager_of(identity, cafe)

    answer = await identity.sign_in(" MIA@Example.ORG ", PASSWORD)

    assert (answer.cafe_id, answer.expires_in, answer.customer_id) == (cafe.cafe_id, 3600, None)
    assert answer.roles == [Role.MANAGER, Role.KITCHEN]
    actor = tokens.verify(answer.access_token)
    assert (actor.cafe_id, actor.audience) == (cafe.cafe_id, "access")
    assert actor.roles == frozenset({Role.MANAGER, Role.KITCHEN})


async def test_a_customer_with_a_password_signs_in_as_that_customer(
    identity: IdentityService, tokens: Tokens, cafe: Cafe
) -> None:
    customer = await identity.create_customer(
        CreateCustomer(name="Ada", email="ada@example.org"), system(cafe.cafe_id), PASSWORD
    )

    answer = await identity.sign_in("ada@example.org", PASSWORD)

    assert answer.customer_id == customer.id == tokens.verify(answer.access_token).person_id
    assert answer.roles == [Role.CUSTOMER]


@pytest.mark.parametrize(
    ("email", "password"),
    [("mia@example.org", "flat white"), ("nobody@example.org", PASSWORD), ("", ""), ("mia@example.org", "")],
)
async def test_a_wrong_password_and_an_unknown_address_look_the_same(
    identity: IdentityService, cafe: Cafe, email: str, password: str
) -> None:
    await manager_of(identity, cafe)

    with pytest.raises(CredentialsInvalid) as refused:
        await identity.sign_in(email, password)

    assert refused.value.detail == CredentialsInvalid().detail


async def test_somebody_without_a_password_cannot_sign_in(identity: IdentityService, cafe: Cafe) -> None:
    await identity.create_customer(CreateCustomer(email="ada@example.org"), system(cafe.cafe_id))

    for password in ("", "None", PASSWORD):
        with pytest.raises(CredentialsInvalid):
            await identity.sign_in("ada@example.org", password)


async def test_a_person_of_two_cafes_names_one(identity: IdentityService, cafe: Cafe, other_cafe: Cafe) -> None:
    await manager_of(identity, cafe)
    await manager_of(identity, other_cafe)

    with pytest.raises(CafeRequired) as refused:
        await identity.sign_in("mia@example.org", PASSWORD)
    answer = await identity.sign_in("mia@example.org", PASSWORD, other_cafe.cafe_id)

    assert other_cafe.cafe_id in refused.value.errors[0].message
    assert answer.cafe_id == other_cafe.cafe_id


async def test_the_cafes_of_a_person_are_told_to_nobody_without_the_password(
    identity: IdentityService, cafe: Cafe, other_cafe: Cafe
) -> None:
    await manager_of(identity, cafe)
    await manager_of(identity, other_cafe)

    with pytest.raises(CredentialsInvalid):
        await identity.sign_in("mia@example.org", "guessed")
    with pytest.raises(CredentialsInvalid):
        await identity.sign_in("mia@example.org", PASSWORD, new_id())


async def test_ten_wrong_passwords_are_followed_by_a_wait(identity: IdentityService, cafe: Cafe) -> None:
    await manager_of(identity, cafe)
    for _ in range(10):
        with pytest.raises(CredentialsInvalid):
            await identity.sign_in("mia@example.org", "wrong", address="192.0.2.1")

    with pytest.raises(TooMany) as refused:
        await identity.sign_in("mia@example.org", PASSWORD, address="192.0.2.1")

    assert refused.value.retry_after_seconds is not None
    assert 1 <= refused.value.retry_after_seconds <= 300
    assert (await identity.sign_in("mia@example.org", PASSWORD, address="192.0.2.2")).cafe_id == cafe.cafe_id


async def test_signing_in_rightly_is_never_limited(identity: IdentityService, cafe: Cafe) -> None:
    await manager_of(identity, cafe)

    answers = [await identity.sign_in("mia@example.org", PASSWORD, address="192.0.2.1") for _ in range(25)]

    assert len({answer.refresh_token for answer in answers}) == 25


async def test_each_guest_is_somebody_else_at_the_same_table(
    identity: IdentityService, tokens: Tokens, cafe: Cafe
) -> None:
    table_id, session_id = new_id(), new_id()

    first = await identity.sign_in_guest(cafe.cafe_id, table_id, session_id)
    second = await identity.sign_in_guest(cafe.cafe_id, table_id, session_id)

    actors = [tokens.verify(answer.access_token) for answer in (first, second)]
    assert first.customer_id != second.customer_id
    assert all(actor.is_guest and actor.session_id == session_id for actor in actors)
    assert [actor.person_id for actor in actors] == [first.customer_id, second.customer_id]


async def test_a_guest_is_refreshed_at_the_same_table(identity: IdentityService, tokens: Tokens, cafe: Cafe) -> None:
    table_id, session_id = new_id(), new_id()
    guest = await identity.sign_in_guest(cafe.cafe_id, table_id, session_id)

    answer = await identity.refresh(guest.refresh_token)

    actor = tokens.verify(answer.access_token)
    assert (actor.person_id, actor.table_id, actor.session_id) == (guest.customer_id, table_id, session_id)
    assert actor.audience == "guest"


async def test_a_refresh_token_is_exchanged_for_the_next(identity: IdentityService, cafe: Cafe) -> None:
    await manager_of(identity, cafe)
    answers = [await identity.sign_in("mia@example.org", PASSWORD)]

    for _ in range(5):
        answers.append(await identity.refresh(answers[-1].refresh_token))  # each needs the one before

    assert len({answer.refresh_token for answer in answers}) == 6


async def test_using_an_old_refresh_token_again_ends_everything_that_came_from_it(
    identity: IdentityService, cafe: Cafe
) -> None:
    await manager_of(identity, cafe)
    elsewhere = await identity.sign_in("mia@example.org", PASSWORD)
    stolen = await identity.sign_in("mia@example.org", PASSWORD)
    newest = await identity.refresh((await identity.refresh(stolen.refresh_token)).refresh_token)

    with pytest.raises(RefreshTokenReused):
        await identity.refresh(stolen.refresh_token)

    with pytest.raises(RefreshTokenInvalid):
        await identity.refresh(newest.refresh_token)
    assert (await identity.refresh(elsewhere.refresh_token)).cafe_id == cafe.cafe_id


async def test_of_twenty_who_refresh_with_one_token_at_once_at_most_one_goes_on(
    identity: IdentityService, db: AnyDatabase, cafe: Cafe
) -> None:
    await manager_of(identity, cafe)
    signed_in = await identity.sign_in("mia@example.org", PASSWORD)

    answers = await asyncio.gather(
        *(identity.refresh(signed_in.refresh_token) for _ in range(20)), return_exceptions=True
    )

    given = [answer for answer in answers if isinstance(answer, SignedIn)]
    refused = [answer for answer in answers if isinstance(answer, RefreshTokenReused | RefreshTokenInvalid)]
    assert (len(given), len(refused)) == (1, 19)
    with pytest.raises(RefreshTokenInvalid):
        await identity.refresh(given[0].refresh_token)


async def test_a_refresh_token_runs_out(identity: IdentityService, clock: MovedClock, cafe: Cafe) -> None:
    await manager_of(identity, cafe)
    person = await identity.sign_in("mia@example.org", PASSWORD)
    guest = await identity.sign_in_guest(cafe.cafe_id, new_id(), new_id())

    clock.let_time_pass(hours=4)
    with pytest.raises(RefreshTokenInvalid):
        await identity.refresh(guest.refresh_token)
    clock.let_time_pass(days=30)
    with pytest.raises(RefreshTokenInvalid):
        await identity.refresh(person.refresh_token)


async def test_after_signing_out_the_refresh_token_is_worth_nothing(identity: IdentityService, cafe: Cafe) -> None:
    await manager_of(identity, cafe)
    signed_in = await identity.sign_in("mia@example.org", PASSWORD)

    for _ in range(2):
        await identity.sign_out(signed_in.refresh_token)
    await identity.sign_out("never heard of")

    with pytest.raises(RefreshTokenInvalid):
        await identity.refresh(signed_in.refresh_token)


@pytest.mark.parametrize("text", ["", "x", "é" * 300, "\x00"])
async def test_a_refresh_token_that_we_never_gave_is_refused(identity: IdentityService, text: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        await identity.refresh(text)


async def test_expired_refresh_tokens_are_forgotten_and_others_kept(
    identity: IdentityService, clock: MovedClock, cafe: Cafe
) -> None:
    await manager_of(identity, cafe)
    await identity.sign_in_guest(cafe.cafe_id, new_id(), new_id())
    clock.let_time_pass(hours=5)
    kept = await identity.sign_in("mia@example.org", PASSWORD)

    assert await identity.forget_expired(cafe.cafe_id) == 1

    assert await identity.forget_expired(cafe.cafe_id) == 0
    assert (await identity.refresh(kept.refresh_token)).cafe_id == cafe.cafe_id


async def test_the_database_keeps_neither_passwords_nor_refresh_tokens(
    identity: IdentityService, db: AnyDatabase, cafe: Cafe
) -> None:
    await manager_of(identity, cafe)
    signed_in = await identity.sign_in("mia@example.org", PASSWORD)
    actor = identity.tokens.verify(signed_in.access_token)

    person = await identity.person(cafe.cafe_id, actor.person_id)
    kept = await identity._find(signed_in.refresh_token)

    assert person is not None
    assert kept is not None
    assert PASSWORD not in str(person)
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")
    assert signed_in.refresh_token not in str(kept)
