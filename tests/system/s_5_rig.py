"""rig down leaves nothing behind."""

import os
import socket
import subprocess

from daemon import Failed
from device import keys, wait_enrolled
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


def comes_and_goes(rig, path, cloud, parts):
    """Another block of ports, and nothing listens there afterwards."""
    before = units()
    with Rig(path, 1, port_base=rig.port('IMAP_PORT'),
             cloud=cloud) as second:
        base = second.port('IMAP_PORT')
        expect(base != rig.port('IMAP_PORT'), 'the same block')
        pids = [open(os.path.join(second.dir, 'pid', name),
                     encoding='ascii').read().split()[0]
                for name in parts]
        expect(sorted(os.listdir(os.path.join(second.dir, 'pid'))) ==
               sorted(parts), 'other parts than %r' % parts)
        expect(('CLOUD_URL' in second.env) == cloud and
               ('CLOUD_CA' in second.env) == cloud, repr(second.env))
        second.imap('user1').logout()
        found = keys(second, 'user1')
        expect(cloud or len(found['sign'] + found['encrypt']) == 2,
               'imported: %r' % found)
        if cloud:
            wait_enrolled(second, 'user1')
            found = keys(second, 'user1')
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
    return found


def test_second_rig(rig):
    """Keys that were made by openssl, and no cloud."""
    comes_and_goes(rig, os.path.join(rig.place, 'second'), False,
                   ['waxwingd', 'dovecot', 'submitd'])
    rig.imap('user1').logout()


def test_rig_with_cloud(rig):
    """No key at first; what a rig knew is still there when it comes again."""
    path = os.path.join(rig.place, 'third')
    found = [comes_and_goes(rig, path, True,
                            ['waxwingd', 'cloud', 'dovecot', 'submitd'])
             for _ in range(2)]
    expect(found[0] == found[1], 'other keys: %r' % found)
    rig.imap('user1').logout()
