"""Who must and who may hear of a message follows from who came and who went."""

from messengerctl.audit.membership import ALWAYS_TOLD, Audience, Change, Membership

THREE = [Change(1, "ada", True), Change(2, "bob", True), Change(3, "eve", True)]


def audience(*changes: Change, seq: int = 10, blockers: frozenset[str] = frozenset()) -> Audience:
    return Membership([*THREE, *changes]).audience(seq, "ada", blockers)


def test_everybody_but_the_sender_hears():
    assert audience() == Audience(frozenset({"bob", "eve"}), frozenset({"bob", "eve"}))


def test_who_has_left_need_not_hear():
    assert audience(Change(4, "eve", False)).must == {"bob"}


def test_who_left_later_may_have_heard_and_need_not():
    left = audience(Change(11, "eve", False))
    assert (left.must, left.may) == ({"bob"}, {"bob", "eve"})


def test_who_came_later_may_have_heard_and_need_not():
    came = audience(Change(11, "dan", True))
    assert (came.must, came.may) == ({"bob", "eve"}, {"bob", "eve", "dan"})


def test_who_left_and_came_back_hears_again():
    assert audience(Change(4, "eve", False), Change(5, "eve", True)).must == {"bob", "eve"}


def test_who_blocks_the_sender_need_not_hear():
    blocked = audience(blockers=frozenset({"bob"}))
    assert (blocked.must, blocked.may) == ({"eve"}, {"bob", "eve"})


def test_in_a_large_group_nobody_need_hear_unless_mentioned():
    many = [Change(3 + number, f"member {number}", True) for number in range(ALWAYS_TOLD)]
    assert audience(*many, seq=10**6).must == set()
    assert len(audience(*many, seq=10**6).may) == ALWAYS_TOLD + 2


def test_audiences_of_one_log_are_told_apart():
    membership = Membership(THREE)
    assert membership.audience(3, "ada", frozenset()).must == {"bob"}
    assert membership.audience(4, "ada", frozenset()).must == {"bob", "eve"}
    assert membership.audience(4, "bob", frozenset()).must == {"ada", "eve"}
