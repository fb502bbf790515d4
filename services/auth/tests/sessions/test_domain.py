"""Which refresh tokens are good, over every order of refreshes and pauses."""

from hypothesis import given
from hypothesis import strategies as st

from auth_service.sessions.domain import GRACE_SECONDS, Verdict, judge

STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2 * GRACE_SECONDS)), max_size=60)
"""How far behind the present generation a token is, and the seconds before it is presented."""


@given(STEPS)
def test_only_the_present_token_moves_a_session_and_only_the_last_one_has_a_grace(steps):
    present, rotated_at, now = 1, 0, 0
    for behind, pause in steps:
        now += pause
        verdict = judge(present - behind, present, rotated_at, now)
        if behind == 0:
            assert verdict is Verdict.ROTATE
            present, rotated_at = present + 1, now
        elif behind == 1 and now - rotated_at <= GRACE_SECONDS:
            assert verdict is Verdict.REPEAT
        else:
            assert verdict is Verdict.END


@given(st.integers(1, 1000), st.integers(0, 10**6))
def test_repeating_does_not_lengthen_the_grace(present, rotated_at):
    times = range(rotated_at, rotated_at + 3 * GRACE_SECONDS, 10)
    verdicts = [judge(present - 1, present, rotated_at, now) for now in times]
    assert verdicts == sorted(verdicts, key=[Verdict.REPEAT, Verdict.END].index)
    assert verdicts[-1] is Verdict.END


def test_a_token_from_the_future_ends_the_session():
    assert judge(3, 2, 0, 0) is Verdict.END
