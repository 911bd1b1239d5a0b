"""What the tests of the daemon's processes share."""

import contextlib
import json
import os
import time

import daemon
from daemon import Failed

ROLES = ('sealer', 'verifier', 'agent', 'proxy')
ROOT = os.geteuid() == 0


def expect(truth, what):
    if not truth:
        raise Failed(what)


def wait(what, condition, limit=30):
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        expect(time.monotonic() < end, what + ': not in time')
        time.sleep(0.02)


class Place:
    """Where a test's daemons live, and their ports."""

    def __init__(self, path):
        self.path = path
        self.n = 0
        self.started = []
        self.held = []

    def daemon(self, **sections):
        self.n += 1
        base, held = daemon.claim_block(24000 + os.getpid() % 300 * 20, [])
        self.held += held
        conf = {'daemon': {},
                'imap': {'listen': '127.0.0.1:%d' % base, 'listen_tls': ''},
                'smtp': {'listen': '127.0.0.1:%d' % (base + 1),
                         'listen_tls': ''},
                'upstream example.test': {
                    'imap': 'imap://127.0.0.1:%d' % (base + 2),
                    'smtp': 'smtp://127.0.0.1:%d' % (base + 3)}}
        for name, keys in sections.items():
            conf.setdefault(name, {}).update(keys)
        d = daemon.Daemon(os.path.join(self.path, str(self.n)),
                          daemon.build_dir(), conf)
        os.chmod(d.dir, 0o755)
        d.ports = [base, base + 1]
        self.started.append(d)
        return d

    @contextlib.contextmanager
    def running(self, **sections):
        d = self.daemon(**sections)
        start(d)
        yield d
        d.stop()
        expect(not left(d), 'processes are left: %s' % left(d))


def start(d):
    d.start(d.ports)
    wait('ready', lambda: d.process.poll() is not None or
         ' ready' in d.log())
    expect(d.process.poll() is None, 'it ended: ' + d.log())


def left(d):
    """The processes of a daemon's session that are there."""
    found = []
    for name in os.listdir('/proc'):
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open('/proc/%d/stat' % int(name), encoding='utf-8') as f:
                stat = f.read().rpartition(')')[2].split()
            if int(stat[3]) == d.process.pid and stat[0] != 'Z':
                found.append(int(name))
    return found


def status(d):
    return json.loads(d.ctl('--json', 'status').stdout)


def role(d, name):
    for r in status(d)['roles']:
        if r['role'] == name:
            return r
    raise Failed('no ' + name)


def back(d, name, pid):
    """Wait until there is a new process of a role, and return its pid."""
    def look():
        r = role(d, name)
        return r['state'] == 'up' and r['pid'] != pid and r['pid']
    return wait('a new ' + name, look)
