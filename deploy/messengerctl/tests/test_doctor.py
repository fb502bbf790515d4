"""The doctor says what is wrong and what to do, also where nothing runs at all."""

import socket

from messengerctl.doctor import examine
from messengerctl.suite import Suite


async def test_a_suite_that_is_down_is_told_with_its_remedy(tmp_path):
    findings = await examine(Suite(tmp_path / "state.json"), 1)
    assert [(one.what, one.remedy) for one in findings if not one.well][-1] == ("suite", "start it with `make up`")


async def test_a_taken_port_is_told_with_another(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        findings = await examine(Suite(tmp_path / "state.json"), port)
    [taken] = [one for one in findings if one.what == f"port {port}"]
    assert not taken.well
    assert f"PORT={port + 100}" in taken.remedy
