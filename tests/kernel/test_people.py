"""Who may act as what: the hierarchy of roles, cell by cell."""

import pytest

from tabletap.kernel.errors import CurrencyMismatch, NotAllowed, OtherCafe
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role, require_currency, system

INCLUDES = {
    Role.ADMIN: {Role.ADMIN, Role.MANAGER, Role.COUNTER, Role.STAFF},
    Role.MANAGER: {Role.MANAGER, Role.COUNTER, Role.STAFF},
    Role.COUNTER: {Role.COUNTER, Role.STAFF},
    Role.STAFF: {Role.STAFF},
    Role.KITCHEN: {Role.KITCHEN},
    Role.CUSTOMER: {Role.CUSTOMER},
    Role.BOARD: {Role.BOARD},
}


def somebody(role: Role) -> Actor:
    return Actor(cafe_id=new_id(), person_id=new_id(), roles=frozenset({role}))


@pytest.mark.parametrize("has", Role)
@pytest.mark.parametrize("asked", Role)
def test_a_role_includes_those_below_it_and_no_other(has: Role, asked: Role) -> None:
    assert somebody(has).is_(asked) == (asked in INCLUDES[has])


def test_who_has_none_of_the_roles_is_refused() -> None:
    with pytest.raises(NotAllowed):
        somebody(Role.KITCHEN).require(Role.STAFF, Role.CUSTOMER)


def test_another_cafe_is_refused_and_none_is_no_assertion() -> None:
    actor = somebody(Role.MANAGER)

    actor.require_cafe(None)
    actor.require_cafe(actor.cafe_id)
    with pytest.raises(OtherCafe):
        actor.require_cafe(new_id())


def test_another_currency_is_refused() -> None:
    require_currency(None, "AUD")
    with pytest.raises(CurrencyMismatch):
        require_currency("USD", "AUD")


def test_our_own_work_may_what_an_admin_may() -> None:
    assert system(new_id()).is_(Role.MANAGER)
