"""Rules of previews, without I/O: which links count, which addresses are public, what a page says of itself.

Whatever comes in here was written by strangers. Time is linear in its length: the scan of HTML is our own because
`html.parser` is quadratic in unfinished tags, and takes minutes over what a page may measure.
"""

import html
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import islice
from urllib.parse import quote, urljoin, urlsplit

import idna

from messenger_contracts.conversations import LinkPreview

Address = IPv4Address | IPv6Address

MAX_URLS = 3
MAX_URL = 2_048
MAX_HOST = 253  # RFC 1035, without the last dot
WEB_PORTS = frozenset({80, 443})
_DEFAULT_PORTS = {"http": 80, "https": 443}

_NOT_PUBLIC = [
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be meant by an address, after the IANA special-purpose registries.

    They are written out here, as `is_global` differs between patch releases of Python. What wraps an IPv4 address
    (mapped, 6to4, Teredo, NAT64) is refused, whichever it wraps.
    """
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    unicast = address in _GLOBAL_UNICAST and address.scope_id is None
    return unicast and not any(address in network for network in _NOT_PUBLIC_6)


# A link ends at a space, at what no link may hold, and at punctuation of scripts that write no spaces.
_CANDIDATE = re.compile(r"(?<![a-z0-9])https?://[^\s<>\"`{}|\\^\u3000-\u303f\uff00-\uff65]++", re.IGNORECASE)
_PUNCTUATION = frozenset(".,;:!?'*_~\u2019\u201d\u2026\u203a\u00bb")
_BRACKETS = {")": "(", "]": "["}


def urls_of(text: str) -> list[str]:
    """The first three different links of a message, each as `web_address` writes it."""
    found: dict[str, None] = {}
    for candidate in _CANDIDATE.finditer(text):
        url = web_address(_without_the_sentence(candidate[0]))
        if url is not None:
            found[url] = None
        if len(found) == MAX_URLS:
            break
    return list(found)


def _without_the_sentence(url: str) -> str:
    """Take away what belongs to the sentence around a link: punctuation, and brackets that it does not open."""
    surplus = {closing: url.count(closing) - url.count(opening) for closing, opening in _BRACKETS.items()}
    end = len(url)
    while end and (url[end - 1] in _PUNCTUATION or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return url[:end]


def web_address(url: str, ports: Collection[int] = WEB_PORTS) -> str | None:
    """Write a link in the one way that has no second reading: ASCII and without a fragment; None if it is not ours.

    Ours is http(s), without credentials, to a name with a dot or to a public address, at one of the ports, in at most
    2,048 characters.
    """
    if len(url) > MAX_URL:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or host is None or "@" in parts.netloc:
        return None
    default = _DEFAULT_PORTS[parts.scheme]
    if port not in {None, default} and port not in ports:
        return None
    place = host if port in {None, default} else f"{host}:{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~", errors="replace")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~?', errors='replace')}" if parts.query else ""
    written = f"{parts.scheme}://{place}{path}{query}"
    return written if len(written) <= MAX_URL else None


_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def _host(host: str) -> str | None:
    """A host in ASCII: a name with a dot, or a public address. Raises `ValueError` for what is neither."""
    if ":" in host:
        return f"[{ip_address(host)}]" if is_public(ip_address(host)) else None
    if not host.isascii() and len(host) <= MAX_HOST:
        host = idna.encode(host, uts46=True).decode()
    host = host.removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # to a resolver `127.1` and `0x7f.1` are addresses too
        return host if is_public(IPv4Address(host)) else None
    named = len(labels) > 1 and len(host) <= MAX_HOST and all(map(_LABEL.fullmatch, labels))
    return host if named else None


def linked(base: str, reference: str, ports: Collection[int] = WEB_PORTS) -> str | None:
    """What a reference on the page `base` points to, as `web_address` writes it."""
    try:
        return web_address(urljoin(base, reference.strip()), ports)
    except ValueError:
        return None


_CODECS = {
    **{f"windows-125{n}": f"cp125{n}" for n in range(9)},
    **{f"iso-8859-{n}": f"iso8859-{n}" for n in range(2, 17) if n != 12},
    **dict.fromkeys(("ascii", "us-ascii", "latin1", "iso-8859-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987"), "cp949"),
    **{name: name for name in ("big5", "euc-jp", "iso-2022-jp", "koi8-r", "koi8-u", "utf-16")},
}
"""By label, the codecs that pages are read with; UTF-8 is for all others. Python has some that are quadratic."""

_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_DECLARED = re.compile(r"charset\s*+=\s*+[\"']?([\w:.-]{1,40})", re.IGNORECASE)
_DECLARED_BEFORE = 1_024  # bytes: where HTML wants the declaration to stand


def decode_page(body: bytes, content_type: str) -> str:
    """Read a page as its byte order mark, its header or its own beginning says."""
    for mark, codec in _MARKS.items():
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    beginning = body[:_DECLARED_BEFORE].decode("latin-1")
    declared = _DECLARED.search(content_type) or _DECLARED.search(beginning)
    codec = _CODECS.get(declared[1].lower(), "utf-8") if declared else "utf-8"
    return body.decode(codec, "replace")


_TITLE = ("og:title", "twitter:title", "<title>")
_DESCRIPTION = ("og:description", "twitter:description", "description")
_SITE_NAME = ("og:site_name", "application-name")
_IMAGE = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")
_KNOWN = frozenset({*_TITLE, *_DESCRIPTION, *_SITE_NAME, *_IMAGE})
_MAX_VALUE = 4_000  # characters, before character references are read: `int` refuses one of 4,301 digits
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs"})
_JOINERS = frozenset("\u200c\u200d")


def preview_of(url: str, page: str, base: str | None = None) -> LinkPreview | None:
    """What a page says of itself; None when it has no title. `base` is where it was found, if not at `url`."""
    said = _read_head(page)

    def first(names: tuple[str, ...], length: int) -> str | None:
        return next((text for name in names if (text := _clean(said.get(name, ""), length))), None)

    title = first(_TITLE, 200)
    if title is None:
        return None
    return LinkPreview(
        url=url,
        title=title,
        description=first(_DESCRIPTION, 400),
        site_name=first(_SITE_NAME, 100),
        image=_image(base or url, said),
    )


def _image(base: str, said: Mapping[str, str]) -> str | None:
    urls = (linked(base, html.unescape(said[name])) for name in _IMAGE if name in said)
    return next((url for url in urls if url and url.startswith("https://")), None)


def _clean(text: str, length: int) -> str:
    """Make one line of visible characters, cut to a length."""
    line = " ".join(html.unescape(text).split())
    line = "".join(c for c in line if c in _JOINERS or unicodedata.category(c) not in _INVISIBLE).strip()
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


_MARKUP = re.compile(r"<(?:(!--)|(/head|body|meta|title|script|style|template)(?=[\s/>]))", re.IGNORECASE)
_ENDS = {
    "!--": re.compile("-->"),
    **{name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("title", "script", "style", "template")},
}
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?:(>)|([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)))?+)"""
)
_MAX_MARKUP = 1_000
_MAX_ATTRIBUTES = 20


def _read_head(page: str) -> dict[str, str]:
    """By name, the first that a page's head has to say; what scripts, comments and the body say does not count."""
    said: dict[str, str] = {}
    for name, value in islice(_sayings(page), _MAX_MARKUP):
        if name in _KNOWN and value.strip():
            said.setdefault(name, value[:_MAX_VALUE])
    return said


def _sayings(page: str) -> Iterator[tuple[str, str]]:
    """Walk through the head; gives a name and a value for each mark-up that matters, empty ones where it has none."""
    place = 0
    while markup := _MARKUP.search(page, place):
        tag = (markup[1] or markup[2]).lower()
        place = markup.end()
        if tag in {"/head", "body"}:
            return
        if tag == "meta":
            attributes, place = _attributes(page, place)
            name = attributes.get("property") or attributes.get("name") or ""
            yield name.strip().lower(), attributes.get("content", "")
            continue
        end = _ENDS[tag].search(page, place)
        if end is None:
            return
        yield f"<{tag}>", page[place : end.start()].partition(">")[2]
        place = end.end()


def _attributes(page: str, place: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag, and where they end."""
    attributes: dict[str, str] = {}
    for _ in range(_MAX_ATTRIBUTES):
        found = _ATTRIBUTE.match(page, place)
        if found is None:
            break
        place = found.end()
        closing, name, *values = found.groups()
        if closing:
            break
        attributes.setdefault(name.lower(), next((value for value in values if value is not None), ""))
    return attributes, place
