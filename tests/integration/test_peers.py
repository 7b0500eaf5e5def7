"""The kernel says whose the other end of a connection is, and who is not of the service's user is not local."""

import os
import socket
from ipaddress import ip_address

import pytest
from support.strangers import UPLOAD

from service import peers
from service.peers import is_own_users

NOBODY = 65_534


def ends(connection):
    """The ends of a connection as its server has them."""
    return [(ip_address(name[0]), name[1]) for name in (connection.getpeername(), connection.getsockname())]


def connected(family, listen, to):
    server = socket.create_server((listen, 0), family=family)
    client = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
    client.connect((to, server.getsockname()[1]))
    accepted, _ = server.accept()
    server.close()
    return client, accepted


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET, "127.0.0.1", "::ffff:127.0.0.1"), (socket.AF_INET6, "::1", "::1")], ids=["4", "4 by a socket of 6", "6"])  # fmt: skip
def pair(request):
    try:
        client, accepted = connected(*request.param)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with client, accepted:
        yield client, accepted


def test_ones_own_connection_is_ones_own(pair):
    _, accepted = pair
    assert is_own_users(*ends(accepted)) is True


def test_a_connection_that_is_closed_or_never_was_is_nobodys(pair):
    client, accepted = pair
    peer, own = ends(accepted)
    assert is_own_users((peer[0], peer[1] % 65_535 + 1), own) is False
    assert is_own_users(peer, (own[0], own[1] % 65_535 + 1)) is False
    client.close()
    assert is_own_users(peer, own) is False


def test_the_other_direction_of_a_connection_is_not_the_clients_end(monkeypatch, tmp_path):
    # The server's own end stands in the table too, and is always its own.
    row = "0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000 {uid} 0 {inode} 1"
    table = tmp_path / "tcp"
    table.write_text("header\n" + row.format(uid=os.geteuid(), inode=7) + "\n")
    monkeypatch.setattr(peers, "_TABLES", (table,))
    host = ip_address("127.0.0.1")
    assert is_own_users((host, 0xC350), (host, 0x1F90)) is False
    assert is_own_users((host, 0x1F90), (host, 0xC350)) is True
    for uid, inode in ((os.geteuid() + 1, 7), (os.geteuid(), 0)):
        table.write_text("header\n" + row.format(uid=uid, inode=inode) + "\n")
        assert is_own_users((host, 0x1F90), (host, 0xC350)) is False


def test_a_system_without_the_table_says_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "_TABLES", (tmp_path / "absent",))
    host = ip_address("127.0.0.1")
    assert is_own_users((host, 1), (host, 2)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can connect as another user")
def test_a_proxy_of_another_user_that_adds_nothing_is_not_this_machines_user(doorstep):
    # nginx from 1.29.7: HTTP/1.1, keep-alive, Host of its upstream. A socket is whose user made it.
    os.seteuid(NOBODY)
    try:
        proxy = socket.socket()
    finally:
        os.seteuid(0)
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1:{doorstep.port}\r\nContent-Type: image/fits\r\n"
    sent = f"{head}Content-Length: {len(doorstep.good)}\r\n\r\n".encode() + doorstep.good
    with proxy, socket.socket() as own:
        answers = []
        for connection in (proxy, own):
            connection.settimeout(30)
            connection.connect(("127.0.0.1", doorstep.port))
            connection.sendall(sent)
            answers.append(connection.recv(65_536).split(b"\r\n")[0])
    assert answers == [b"HTTP/1.1 401 Unauthorized", b"HTTP/1.1 200 OK"]
