"""Names that show what they are."""

import pytest

from messenger_contracts.texts import one_line, shows_something

JOINED = "\U0001f469\u200d\U0001f4bb Ada"
PERSIAN = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"
ARABIC = "\u0634\u0631\u0643\u0629 \u200f(\u0645)"
IDEOGRAPHIC_SPACE = "\u5c71\u7530\u3000\u592a\u90ce"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
NEW_EMOJI = "\U0001fae8"


@pytest.mark.parametrize(
    "name", ["Ada", "O'Hara-\u00d6z", "\u00bf?", JOINED, PERSIAN, ARABIC, IDEOGRAPHIC_SPACE, ENGLAND, NEW_EMOJI]
)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    assert one_line(f" {name} ") == name


def test_a_name_has_one_form() -> None:
    assert one_line("Ame\u0301lie") == "Am\u00e9lie"


@pytest.mark.parametrize(
    "name",
    [
        *("", " \u3000", "\u3164", "\u2800\u200d", "\u0301", "\u200f"),
        *("a\u202eb", "a\u2066b", "\ufeffAda", "a\u200bb"),
        *("a\nb", "a\u2028b", "a\0b", "\ud800", "\ue000"),
    ],
)
def test_a_name_that_does_not_show_what_it_is(name: str) -> None:
    with pytest.raises(ValueError, match="readable"):
        one_line(name)


@pytest.mark.parametrize(
    ("text", "shown"), [("\u2764\ufe0f", True), ("+1", True), ("\u200b", False), ("\u3164", False)]
)
def test_there_is_something_to_see(text: str, shown: bool) -> None:
    assert shows_something(text) is shown
