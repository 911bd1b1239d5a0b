"""device - further devices of the rig's users, and how enrolment goes."""

import imaplib
import json
import os
import smtplib
import subprocess
import threading
import time

import daemon
from daemon import Failed

DOMAIN = '@example.test'


class Device(daemon.Daemon):
    """One more waxwingd, with a state of its own, before the rig's servers.

    with Device(rig, 'laptop') as d: it listens.  Its clock is the rig's.
    """

    block = daemon.FIRST
    lock = threading.Lock()

    def __init__(self, rig, name, **more):
        self.rig = rig
        self.name = name
        path = os.path.join(rig.place, name)
        os.makedirs(path)
        os.chmod(path, 0o755)
        with Device.lock:
            base, self.held = daemon.claim_block(Device.block, [])
            Device.block = base + daemon.BLOCK
        self.imaps, self.smtps = base, base + 1
        pki = rig.env['CERT_DIR']
        tls = {'cert': pki + '/server.chain.pem', 'key': pki + '/server.key'}
        sections = {
            'imap': dict(tls, listen='',
                         listen_tls='127.0.0.1:%d' % self.imaps),
            'smtp': dict(tls, listen='',
                         listen_tls='127.0.0.1:%d' % self.smtps),
            'upstream example.test': {
                'imap': 'imaps://127.0.0.1:' + rig.env['UPSTREAM_IMAPS_PORT'],
                'smtp': 'smtps://127.0.0.1:' + rig.env['UPSTREAM_SMTPS_PORT'],
                'ca_file': rig.env['CA_FILE']},
            'cloud': {'url': rig.env['CLOUD_URL'],
                      'ca_file': rig.env['CLOUD_CA'],
                      'kms_key': rig.env['CLOUD_KMS']},
            'enrol': {'accounts': '*'},
        }
        sections.update(more)
        super().__init__(path, daemon.build_dir(), sections)
        self.clock = rig.env['CLOCK_FILE']

    def __enter__(self):
        self.start([self.imaps, self.smtps])
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind is None and self.process.poll() is None:
                self.stop()
            else:
                self.kill()
        finally:
            for s in self.held:
                s.close()

    def imap(self, user, box='INBOX'):
        c = imaplib.IMAP4_SSL('127.0.0.1', self.imaps,
                              ssl_context=self.rig.tls, timeout=60)
        c.login(user + DOMAIN, self.rig.env['PASSWORD'])
        if box:
            c.select(box)
        return c

    def smtp(self, user):
        c = smtplib.SMTP_SSL('127.0.0.1', self.smtps, 'client.example.test',
                             context=self.rig.tls, timeout=60)
        c.login(user + DOMAIN, self.rig.env['PASSWORD'])
        return c

    def ctl(self, *args, check=True):
        done = subprocess.run(
            [os.path.join(self.build, 'waxwingctl'), '--socket',
             self.control] + list(args), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise Failed('waxwingctl %s: %s%s' % (
                ' '.join(args), done.stdout, done.stderr))
        return done

    def fault(self, *lines):
        with open(self.faults + '.new', 'w', encoding='ascii') as f:
            f.write('\n'.join(lines) + '\n')
        os.chmod(self.faults + '.new', 0o644)
        os.rename(self.faults + '.new', self.faults)

    def role(self, name):
        """The process id of a role, or None."""
        out = subprocess.run(
            ['ps', '-o', 'pid=,args=', '--ppid', str(self.process.pid)],
            capture_output=True, text=True, check=False).stdout
        for line in out.splitlines():
            pid, _, args = line.strip().partition(' ')
            if '-x ' + name in args:
                return int(pid)
        return None


# For Device and Rig alike.

def login(device, user):
    """Log in as a client does; returns the seconds it took."""
    begin = time.monotonic()
    device.imap(user, box=None).logout()
    return time.monotonic() - begin


def record(device, user):
    """What "waxwingctl status" says about a mailbox's enrolment, or None."""
    done = device.ctl('status', '--json', check=False)
    if done.returncode != 0:
        return None
    for entry in json.loads(done.stdout).get('enrolments', []):
        if entry['address'] == user + DOMAIN:
            return entry
    return None


def wait_for(what, test, limit=40):
    end = time.monotonic() + limit
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed('no ' + what)
        time.sleep(0.1)


def wait_enrolled(device, user, limit=60):
    """Until enrolment is done; returns the record."""
    def done():
        entry = record(device, user)
        return entry if entry and entry['state'] == 'enrolled' else None
    try:
        return wait_for('end of enrolment of ' + user, done, limit)
    except Failed as e:
        raise Failed('%s: %r' % (e, record(device, user))) from None


def enrol(device, *users):
    """Log in and wait; returns the records."""
    for user in users:
        login(device, user)
    return [wait_enrolled(device, user) for user in users]


def keys(device, user):
    """{"sign": [fingerprint...], "encrypt": [...]} of the key store."""
    done = device.ctl('key', 'list', '--json', '--account', user + DOMAIN)
    found = {'sign': [], 'encrypt': []}
    for key in json.loads(done.stdout):
        found.setdefault(key['usage'], []).append(key['fingerprint'])
    return found
