"""rig down leaves nothing behind."""

import os
import socket
import subprocess

from daemon import Failed
from rig import Rig
from s_1_mail import expect


def units():
    try:
        return subprocess.run(
            ['systemctl', 'list-unit-files', '--state=enabled',
             '--no-legend'], capture_output=True, text=True,
            check=False).stdout
    except FileNotFoundError:
        return ''


def listens(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(('127.0.0.1', port))
        s.listen(1)
    except OSError:
        return True
    finally:
        s.close()
    return False


def test_second_rig(rig):
    """Another block of ports, and nothing listens there afterwards."""
    before = units()
    with Rig(os.path.join(rig.place, 'second'), 1,
             port_base=rig.port('IMAP_PORT')) as second:
        base = second.port('IMAP_PORT')
        expect(base != rig.port('IMAP_PORT'), 'the same block')
        pids = [open(os.path.join(second.dir, 'pid', name),
                     encoding='ascii').read().split()[0]
                for name in ('waxwingd', 'dovecot', 'submitd')]
        second.imap('user1').logout()
    for port in range(base, base + 20):
        expect(not listens(port), 'port %d still listens' % port)
    for pid in pids:
        left = subprocess.run(['ps', '-s', pid, '-o', 'stat=,args='],
                              capture_output=True, text=True,
                              check=False).stdout.splitlines()
        # The dead that nobody has buried yet do no harm.
        left = [line for line in left if not line.startswith('Z')]
        if left:
            raise Failed('processes are left: %r' % left)
    expect(units() == before, 'other units are enabled')
    rig.imap('user1').logout()
