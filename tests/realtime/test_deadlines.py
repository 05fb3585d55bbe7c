"""Sessions are looked at in their second, once, and never before."""

from hypothesis import given
from hypothesis import strategies as st

from tabletap.kernel.clock import SystemClock
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.realtime.sessions import Deadlines, Session

SOMEBODY = Actor(cafe_id=new_id(), person_id=new_id(), roles=frozenset({Role.KITCHEN}))
NOW = SystemClock().now()
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 4), st.integers(0, 20)),
        st.tuples(st.just("remove"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.integers(0, 5)),
    ),
    max_size=60,
)


@given(STEPS)
def test_everybody_is_due_in_the_last_second_that_was_named_for_them(steps: list[tuple[str, int, int]]) -> None:
    sessions = [Session("/kitchen", str(number), SOMEBODY, {}, NOW) for number in range(5)]
    deadlines, wanted, now = Deadlines(), dict[Session, int](), 0
    for step, number, second in steps:
        session = sessions[number]
        if step == "put":
            deadlines.put(session, second)
            wanted[session] = second
        elif step == "remove":
            deadlines.remove(session)
            wanted.pop(session, None)
        else:
            now += second
            due = deadlines.due(now)
            expected = {each for each, at in wanted.items() if at <= now}
            assert set(due) == expected
            assert len(due) == len(expected)
            wanted = {each: at for each, at in wanted.items() if at > now}
