"""Return targets, names and identities, whatever anybody sends."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.accounts.domain import check_email, check_username
from auth_service.federations.domain import (
    PROOF_SECONDS,
    Identity,
    Post,
    Refusal,
    Secrets,
    can_be_mailed,
    digest_of,
    find_provider,
    identity_of,
    new_code,
    public_name,
    suggest_username,
    target_of,
    with_error,
    with_proof,
    write_code,
)

ORIGIN = "https://messenger.example"
ALLOWED = ["https://app.example/", "https://other.example/in", "messenger://signed-in"]
HOSTS = {"messenger.example", "app.example", "other.example", "signed-in"}


@pytest.mark.parametrize(
    ("wish", "target"),
    [
        ("/", f"{ORIGIN}/"),
        ("/chats?x=1#y", f"{ORIGIN}/chats?x=1#y"),
        (f"{ORIGIN}/chats", f"{ORIGIN}/chats"),
        ("https://app.example", "https://app.example"),
        ("https://app.example/any/path", "https://app.example/any/path"),
        ("https://other.example/in", "https://other.example/in"),
        ("messenger://signed-in", "messenger://signed-in"),
    ],
)
def test_these_targets_are_allowed(wish, target):
    assert target_of(wish, ORIGIN, ALLOWED) == target


@pytest.mark.parametrize(
    "wish",
    [
        *(
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "chats",
            "",
        ),
        *("chats", "https://app.example.evil.example/", "https://app.example@evil.example/"),
        *("https://user@app.example/", "http://app.example/", "https://app.example:444/", "https://other.example/in2"),
        *("javascript:alert(1)", "data:text/html,x", "messenger://signed-in/x", "/a\r\nset-cookie: x=y", "/ä", "/ "),
        *("https://APP.example.evil/", "https://messenger.example.evil/", "ftp://messenger.example/"),
    ],
)
def test_these_are_not(wish):
    assert target_of(wish, ORIGIN, ALLOWED) is None


PARTS = st.sampled_from(
    ["/", "\\", "https:", "//", "@", ".", "evil.example", "app.example", "?", "#", "%2f", " ", "\t", ":"]
)


@given(st.lists(PARTS | st.text(max_size=3), max_size=8).map("".join))
def test_whatever_is_allowed_leads_to_a_host_of_the_list(wish):
    target = target_of(wish, ORIGIN, ALLOWED)
    if target is not None:
        assert urlsplit(target).hostname in HOSTS
        assert target.isascii()
        assert target.isprintable()


@given(st.sampled_from(["", "?a=b", "?a=b#c", "#c"]), st.sampled_from(Refusal))
def test_a_reason_is_added_to_what_the_target_says(rest, reason):
    told = urlsplit(with_error(f"{ORIGIN}/in{rest}", reason))
    assert parse_qs(told.query)["error"] == [reason.value]
    assert told.fragment == urlsplit(rest).fragment


@given(st.sampled_from(["", "?a=b", "?a=b#c", "#c"]), st.sampled_from(Post))
def test_what_became_of_the_mail_is_told_beside_it(rest, post):
    told = urlsplit(with_proof(f"{ORIGIN}/in{rest}", post))
    assert parse_qs(told.query) == parse_qs(urlsplit(rest).query) | {"proof": [post.value]}
    assert told.fragment == urlsplit(rest).fragment


@given(st.text(max_size=80), st.emails() | st.text(max_size=40))
def test_whatever_somebody_is_called_they_get_a_username(name, email):
    username = suggest_username(Identity("Kakao", "1", email, verified=True, name=name))
    assert check_username(username) == username


@given(st.dictionaries(st.sampled_from(["identities", "custom:federated_email"]), st.text()))
def test_attributes_that_make_no_sense_are_no_identity(attributes):
    found = identity_of("Kakao", attributes)
    assert found is None or found.subject


@pytest.mark.parametrize("listed", ["", "{}", "[]", "[1]", "null", '[{"providerName": "Kakao"}]', "[" * 5000])
def test_an_identity_must_be_listed(listed):
    assert identity_of("Kakao", {"identities": listed}) is None


def test_only_the_word_true_proves_an_address():
    listed = '[{"providerName": "Kakao", "userId": "7"}]'
    for said, proven in {"true": True, "True": True, "": False, "yes": False, "1": False, "false": False}.items():
        identity = identity_of("Kakao", {"identities": listed, "custom:federated_proof": said})
        assert identity is not None
        assert (identity.subject, identity.verified) == ("7", proven)


def test_the_challenge_is_the_one_of_the_standard():
    """RFC 7636, appendix B."""
    chosen = Secrets("state", "nonce", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert chosen.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert chosen.matches("state")
    assert not chosen.matches("stäte")


def test_a_provider_goes_by_our_name_and_by_no_other():
    offered = ["Google", "SignInWithApple", "Company"]
    assert [find_provider(name, offered) for name in ("google", "apple", "company")] == offered
    assert [find_provider(name, offered) for name in ("kakao", "Google", "signinwithapple")] == [None, None, None]


@given(st.sampled_from(["Google", "Facebook", "SignInWithApple", "Kakao", "Company"]))
def test_a_providers_public_name_leads_back_to_it(provider):
    assert find_provider(public_name(provider), [provider]) == provider


@given(st.emails() | st.text(max_size=40))
def test_what_a_sign_up_takes_for_an_address_can_be_mailed(email):
    identity = Identity("Facebook", "1", email.strip().lower(), verified=False, name="")
    try:
        expected = check_email(identity.email) == identity.email
    except ValueError:
        expected = False
    assert can_be_mailed(identity) is expected


def test_codes_are_six_digits_and_differ():
    codes = [new_code() for _ in range(200)]
    assert all(len(code) == 6 and code.isdecimal() and code.isascii() for code in codes)
    assert len(set(codes)) > 150


def test_a_digest_is_of_one_code_of_one_proof_and_needs_the_pepper():
    digests = {
        digest_of(pepper, proof, code)
        for pepper in (b"pepper", b"salt")
        for proof in ("a", "b")
        for code in ("123456", "123457")
    }
    assert len(digests) == 8
    assert digest_of(b"pepper", "a", "123456") == digest_of(b"pepper", "a", "123456")


def test_the_mail_tells_code_provider_and_how_long():
    mail = write_code(Identity("Facebook", "1", "ada@example.com", verified=False, name="Win a prize"), "012345")
    assert mail.to == "ada@example.com"
    for fact in ("012345", "Facebook", f"{PROOF_SECONDS // 60} minutes", "give the code to nobody"):
        assert fact in mail.text
    assert "prize" not in mail.text + mail.subject
