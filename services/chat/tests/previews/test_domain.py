"""Which links a message has, and what is read out of a page."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_service.previews.domain import MAX_URL, decode_page, linked, preview_of, urls_of, web_address

PAGE = "https://news.example/today/"
WORST_SECONDS = 2.0
"""Far above what the worst page takes, far below what a scan that is not linear would."""


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("nothing here: example.com, ftp://a.example/", []),
        ("see https://a.example.", ["https://a.example/"]),
        ("HTTPS://A.Example:443/Path?Q=1#part!", ["https://a.example/Path?Q=1"]),
        ("http://a.example:443/ http://a.example:80/", ["http://a.example:443/", "http://a.example/"]),
        (
            "(https://a.example/x) [t](https://a.example/y), <https://a.example/z>",
            [f"https://a.example/{c}" for c in "xyz"],
        ),
        ("https://a.example/wiki/Rust_(language)).", ["https://a.example/wiki/Rust_(language)"]),
        ("*https://a.example/x* “https://a.example/y”", ["https://a.example/x", "https://a.example/y"]),
        ("看https://a.example/x\uff0c好", ["https://a.example/x"]),
        ("https://Bücher.example/ä?ö=ü", ["https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"]),
        ("https://faß.example/", ["https://xn--fa-hia.example/"]),
        ("https://my_site.example/ https://r3---sn.example/", ["https://my_site.example/", "https://r3---sn.example/"]),
        ("https://a.example./", ["https://a.example/"]),
        ("https://8.8.8.8/ https://[2606:4700::1111]/", ["https://8.8.8.8/", "https://[2606:4700::1111]/"]),
        ("https://a.example/ https://a.example/#b https://A.example", ["https://a.example/"]),
        (" ".join(f"https://a.example/{n}" for n in range(9)), [f"https://a.example/{n}" for n in range(3)]),
        ("xhttps://a.example", []),
    ],
)
def test_the_links_of_a_message(text: str, urls: list[str]) -> None:
    assert urls_of(text) == urls


@pytest.mark.parametrize(
    "place",
    [
        *("user@a.example", "user:secret@a.example", "@a.example", "a.example@b.example"),
        *("a.example:8080", "a.example:22", "a.example:0", "a.example:99999", "a.example:x"),
        *("localhost", "intranet", "intranet.", ".", "..", "a..example", "-a.example", "a-.example", ".example"),
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "10.0.0.1.", "1.2.3.4.5"),
        *("169.254.169.254", "100.64.0.1", "0.0.0.0", "\uff11\uff12\uff17.0.0.1", "127。0。0。1", "①27.0.0.1"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[", "[]"),
        *("a.example\\@b.example", "a b.example", "a\x00.example", "a%2eexample", "", f"{'a' * 64}.example"),
        ".".join(["a" * 63] * 4) + ".example",
    ],
)
def test_what_is_no_web_address(place: str) -> None:
    assert web_address(f"http://{place}/") is None


@pytest.mark.parametrize(
    "url", ["", "a.example", "//a.example/", "ftp://a.example/", "javascript:alert(1)", "http:/a.example"]
)
def test_what_has_no_scheme_of_the_web_is_no_web_address(url: str) -> None:
    assert web_address(url) is None


def test_a_link_may_have_so_many_characters_and_no_more() -> None:
    longest = "https://a.example/".ljust(MAX_URL, "x")
    assert urls_of(longest) == [longest]
    assert urls_of(f"{longest}x") == []
    assert urls_of("https://a.example/" + "ä" * (MAX_URL // 4)) == []  # each is six in ASCII


links = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp"]),
    st.one_of(st.text(max_size=20), st.sampled_from(["a.example", "Ä.example", "8.8.8.8", "[2606:4700::1111]"])),
    st.sampled_from(["", ":80", ":443", ":81", "/", "?", "#"]),
    st.text(max_size=40),
)


@given(links)
def test_a_web_address_is_written_in_one_way_alone(link: str) -> None:
    url = web_address(link)
    if url is not None:
        assert url.isascii()
        assert url.isprintable()
        assert not set(url) & set(' \\"<>^`{|}#')
        assert web_address(url) == url
        assert urls_of(f"a {url}\nb") == [url] or url[-1] in ".,;:!?'*_~)]"


@given(st.text(max_size=400))
def test_any_text_has_at_most_three_links(text: str) -> None:
    urls = urls_of(f"{text} https://a.example/ {text}")
    assert len(urls) <= 3
    assert "https://a.example/" in urls or len(urls) == 3


@pytest.mark.parametrize(
    "text", ["https://a" * 1_800, "https://a.b/" + ")" * 16_000, "https://" + "ä" * 8_000 + ".example"]
)
def test_hostile_text_takes_no_time(text: str) -> None:
    began = time.process_time()
    urls_of(text)
    assert time.process_time() - began < WORST_SECONDS


def test_open_graph_comes_before_twitter_and_that_before_the_page() -> None:
    page = """<!doctype html><html><head>
        <title>Page</title><meta name="description" content="Described">
        <meta name="twitter:title" content="Twitter">
        <META CONTENT='Told &amp; &quot;tweeted&quot;' NAME=twitter:description />
        <meta property="og:title" content="Open &lt;Graph&gt;"><meta property=og:site_name content=News>
        <meta property="og:title" content="Second"><meta property="og:image" content="/a.png?b=1&amp;c=2">
    </head>"""
    preview = preview_of(PAGE, page)
    assert preview.model_dump() == {
        "url": PAGE,
        "title": "Open <Graph>",
        "description": 'Told & "tweeted"',
        "site_name": "News",
        "image": "https://news.example/a.png?b=1&c=2",
    }


def test_a_title_alone_is_enough() -> None:
    assert preview_of(PAGE, "<title lang=en>\n A\n  page </TITLE >").model_dump(exclude_none=True) == {
        "url": PAGE,
        "title": "A page",
    }


@pytest.mark.parametrize(
    "page", ["", "<title> </title>", "<title>x", "text", '<meta name="description" content="x">', "<"]
)
def test_a_page_without_a_title_has_no_preview(page: str) -> None:
    assert preview_of(PAGE, page) is None


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- {} -->",
        "<script>'{}'</script>",
        "<style>{}</style>",
        "<template>{}</template>",
        "<title></title></head>{}",
        "<body>{}",
        "<script>'<!--' {}",
    ],
)
def test_what_is_not_in_the_head_does_not_count(hidden: str) -> None:
    page = hidden.format('<meta property="og:title" content="forged">')
    assert preview_of(PAGE, page) is None


def test_text_is_one_visible_line_of_bounded_length() -> None:
    page = f"""<title>\u202eevil\u0000\u0007 &#x202e;&#0; name{" x" * 300}</title>
        <meta name=description content="{"ä" * 900}"><meta property=og:site_name content="{"s" * 101}">"""
    preview = preview_of(PAGE, page)
    assert preview.title.startswith("evil")
    assert "\u202e" not in preview.title
    assert preview.title.isprintable()
    assert preview.title.endswith("x…")
    assert [len(text) for text in (preview.description, preview.site_name)] == [400, 100]
    assert len(preview.title) <= 200


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("https://img.example/a.png", "https://img.example/a.png"),
        ("//img.example/a.png", "https://img.example/a.png"),
        ("b.png", "https://news.example/today/b.png"),
        ("http://img.example/a.png", None),
        ("https://img.example:8443/a.png", None),
        ("https://192.168.0.1/a.png", None),
        ("https://u:p@img.example/a.png", None),
        ("data:image/png;base64,AAAA", None),
        ("javascript:alert(1)", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_an_image_is_a_secure_public_address_or_none(image: str, shown: str | None) -> None:
    page = f'<title>x</title><meta property="og:image" content="{image}">'
    assert preview_of(PAGE, page).image == shown


def test_an_image_is_relative_to_where_the_page_was_found() -> None:
    page = '<title>x</title><meta property="og:image" content="a.png">'
    preview = preview_of("http://short.example/1", page, "https://long.example/b/c")
    assert (preview.url, preview.image) == ("http://short.example/1", "https://long.example/b/a.png")


def test_what_a_page_points_to_is_read_as_a_browser_would() -> None:
    assert linked("https://a.example/b/c?d", " ../e#f ") == "https://a.example/e"


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("ä".encode(), "text/html", "ä"),
        ("ä".encode("latin-1"), 'text/html; charset="ISO-8859-1"', "ä"),
        ("日本".encode("shift_jis"), "text/html;charset=Shift_JIS", "日本"),
        ("\ufeffä".encode(), "text/html; charset=latin1", "ä"),
        ("\ufeffä".encode("utf-16-le"), "text/html", "ä"),
        ('<meta charset="koi8-r">я'.encode("koi8-r"), "text/html", '<meta charset="koi8-r">я'),
        (b"\xff\xe4", "text/html", "\ufffd\ufffd"),
        (b"a-", "text/html; charset=punycode", "a-"),
        (b"\\x41", "text/html; charset=unicode_escape", "\\x41"),
        (b"x", "text/html; charset=no-such", "x"),
    ],
)
def test_a_page_is_decoded_as_it_says(body: bytes, content_type: str, text: str) -> None:
    assert decode_page(body, content_type) == text


pieces = st.sampled_from(
    [
        *("<meta", " name=", " property='og:title'", ' content="', "'", '"', ">", "/>", "<!--", "-->", "<", "=", " "),
        *("<title>", "</title>", "<script>", "</script>", "<template>", "</head>", "&#", "9" * 50, "&amp;", "\n", "x"),
        *("\x00", "\u202e"),
    ]
)


@given(st.lists(pieces, max_size=60).map("".join))
def test_any_page_has_a_clean_preview_or_none(page: str) -> None:
    preview = preview_of(PAGE, f"{page}<title>x</title>")
    if preview is not None:
        assert 0 < len(preview.title) <= 200
        assert preview.title.isprintable()


@given(st.binary(max_size=300), st.text(max_size=60))
def test_any_bytes_are_decoded(body: bytes, content_type: str) -> None:
    assert isinstance(decode_page(body, content_type), str)


@pytest.mark.parametrize(
    "piece",
    [
        *("<", "</", "<!", "<!--", "<a ", "<div>", "<title", "<title>", "<script>", "<style></style>", "&#9", " ", "="),
        *("<meta ", "<meta\n", "<meta x/", "<meta a=", '<meta a="', "<meta a='\"", "<template></template "),
        "<meta a b c d e f g h i j k l m n o p q r s>",
    ],
)
def test_hostile_pages_take_no_time(piece: str) -> None:
    page = piece * (512 * 1024 // len(piece))
    began = time.process_time()
    preview_of(PAGE, page)
    preview_of(PAGE, f"<title>{page}</title><meta name=description content='{page}'>")
    assert time.process_time() - began < WORST_SECONDS


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "iso-2022-jp", "big5", "punycode", "utf-7", "utf-16"])
def test_hostile_bytes_take_no_time(codec: str) -> None:
    began = time.process_time()
    decode_page(b"\x1b$a-\xff\x80" * 90_000, f"text/html; charset={codec}")
    assert time.process_time() - began < WORST_SECONDS


def test_a_character_reference_may_be_of_any_length() -> None:
    assert preview_of(PAGE, f"<title>x &#{'9' * 5_000};</title>").title.startswith("x")
