"""Whom a device knows, and what its software is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.devices.domain import MOST_LOGINS, MOST_PEOPLE, new_device, software, with_person

BROWSERS = [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "Chrome on Windows"),
    ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 Version/17.5 Safari/605.1", "Safari on macOS"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile Safari/604.1", "Safari on iPhone"),
    ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
    ("Mozilla/5.0 (Linux; Android 14) SamsungBrowser/25.0 Chrome/121.0 Safari/537.36", "Samsung Internet on Android"),
    ("Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "Chrome on ChromeOS"),
    ("Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36 OPR/111.0", "Opera on Windows"),
    ("python-httpx/0.28", "python-httpx"),
    ("curl/8.5.0", "curl"),
    ("evil.example", "evil"),
    ("Mozilla/5.0", "an unknown program"),
    ("", "an unknown program"),
]


@pytest.mark.parametrize(("agent", "name"), BROWSERS)
def test_software_has_a_plain_name(agent, name):
    assert software(agent) == name


@given(st.text())
def test_no_name_carries_what_a_stranger_wrote(agent):
    name = software(agent)
    assert len(name) < 60
    assert name.replace(" ", "").replace("-", "").replace("_", "").isalnum()


@given(st.lists(st.tuples(st.uuids().map(str), st.lists(st.text(min_size=1), max_size=3)), max_size=30))
def test_a_device_knows_the_last_people_and_stays_small(visits):
    device = new_device()
    for user_id, logins in visits:
        device = with_person(device, user_id, logins)
        assert device.people[0] == user_id
    assert len(device.people) <= MOST_PEOPLE
    assert len(device.logins) <= MOST_LOGINS
    assert len(set(device.people)) == len(device.people)
    assert not visits or set(device.people) == {user_id for user_id, _ in visits[-MOST_PEOPLE:]}
