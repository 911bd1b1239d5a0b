"""A key comes late: what clients got unopened is moved to new UIDs.

Nothing is lost and nothing is doubled, whoever is killed meanwhile.
"""

import imaplib
import json
import os
import pty
import re
import signal
import subprocess
import time

import daemon
from mails import lines64
from s_1_mail import MARKER, expect

USER = 'user4'
ADDRESS = USER + '@example.test'
POINTS = ('copy', 'copied', 'store', 'stored', 'expunged')
AWAY = ('away', 'store', 'stored', 'expunged', 'back', 'delete')


def openssl(*args, data=None):
    done = subprocess.run(['openssl'] + list(args), input=data,
                          capture_output=True, check=False)
    expect(done.returncode == 0, 'openssl %r: %s' % (
        args, done.stderr.decode('utf-8', 'replace')))
    return done.stdout


class LateKey:
    """A key for a user, and mail that is sealed to it."""

    def __init__(self, rig, name):
        self.rig = rig
        self.path = os.path.join(rig.place, 'late-' + name)
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days',
                '30', '-subj', '/CN=' + ADDRESS, '-keyout',
                self.path + '.key', '-out', self.path + '.pem', '-addext',
                'subjectAltName=email:' + ADDRESS, '-addext',
                'keyUsage=critical,keyEncipherment', '-addext',
                'extendedKeyUsage=emailProtection')
        with open(self.path + '.pass', 'w', encoding='ascii') as f:
            f.write('secret\n')
        os.chmod(self.path + '.pass', 0o600)
        openssl('pkcs12', '-export', '-in', self.path + '.pem', '-inkey',
                self.path + '.key', '-out', self.path + '.p12', '-passout',
                'pass:secret')

    def mail(self, name):
        der = openssl('cms', '-encrypt', '-binary', '-outform', 'DER',
                      '-aes-256-cbc', '-recip', self.path + '.pem',
                      data=b'Content-Type: text/plain\r\n\r\n' + MARKER +
                      b' ' + name.encode() + b'\r\n')
        return (b'From: user1@example.test\r\nTo: ' + ADDRESS.encode() +
                b'\r\nSubject: ' + name.encode() +
                b'\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n'
                b'Message-ID: <' + name.encode() + b'@example.test>\r\n'
                b'MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime;'
                b' smime-type=enveloped-data; name=smime.p7m\r\n'
                b'Content-Transfer-Encoding: base64\r\n\r\n' + lines64(der))

    def come(self):
        self.rig.ctl('key', 'import', ADDRESS, self.path + '.p12',
                     '--passphrase-file', self.path + '.pass')


def session(rig, box=None):
    """Logged in, also if the proxy was killed just now."""
    end = time.monotonic() + 20
    while True:
        try:
            return rig.imap(USER, box=box)
        except (OSError, imaplib.IMAP4.error):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def fill(rig, key, box, names):
    """Mails with flags and dates, which a client gets unopened."""
    c = rig.imap(USER, direct=True, box=None)
    c.create(box)
    for i, name in enumerate(names):
        ok, data = c.append(box, '(\\Flagged $Label%d)' % i,
                            '"0%d-Nov-2026 10:00:00 +0000"' % (i + 1),
                            key.mail(name))
        expect(ok == 'OK', 'APPEND: %r' % (data,))
    c.logout()
    c = session(rig, box)
    data = c.uid('FETCH', '1:*', '(BODY.PEEK[])')[1]
    texts = [d[1] for d in data if isinstance(d, tuple)]
    c.logout()
    expect(len(texts) >= len(names), 'too few: %r' % data)
    expect(not any(MARKER in t for t in texts[-len(names):]), 'it was opened')


def listing(rig, box):
    """{Message-ID: (UID, flags, date, text)} at the server's, and how many
    there are."""
    c = rig.imap(USER, direct=True, box=box, readonly=True)
    data = c.uid('FETCH', '1:*', '(UID FLAGS INTERNALDATE '
                 'BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])')[1]
    c.logout()
    found, n = {}, 0
    for d in data:
        if isinstance(d, tuple):
            n += 1
            head = d[0].decode()
            flags = set(imaplib.ParseFlags(d[0])
                        ) - {b'\\Recent', b'\\Seen'}
            found[d[1].split(b'<')[1].split(b'@')[0].decode()] = (
                int(head.split('UID ')[1].split()[0].rstrip(')')),
                flags, imaplib.Internaldate2tuple(d[0]))
    return found, n


def resync(rig, *args, check=True):
    done = rig.ctl('--json', 'resync', ADDRESS, *args, check=check)
    return json.loads(done.stdout) if done.returncode == 0 else None


def opened(rig, box):
    """How many a client reads opened."""
    c = session(rig, box)
    data = c.uid('FETCH', '1:*', '(BODY.PEEK[])')[1]
    c.logout()
    return len([d for d in data if isinstance(d, tuple) and MARKER in d[1]])


def boxes(rig):
    c = rig.imap(USER, direct=True, box=None)
    data = c.list()[1]
    c.logout()
    return [d for d in data if b'waxwing-resync' in d]


def test_late_key(rig):
    """What a client got unopened has a new UID, its flags and its date."""
    key = LateKey(rig, 'first')
    names = ['late-%d' % i for i in range(5)]
    for box in 'Late', 'Later':
        fill(rig, key, box, names)
    before, _ = listing(rig, 'Late')
    done = resync(rig, 'Late')
    expect(done['moved'] == 0, 'moved without a key: %r' % done)
    expect(listing(rig, 'Late')[0] == before, 'something was changed')
    key.come()
    keep = session(rig, 'Late')         # the credential, as a client holds it
    expect(opened(rig, 'Late') == 5, 'they do not open')
    done = resync(rig)
    expect(done['state'] == 'done' and done['moved'] == 10, repr(done))
    keep.logout()
    after, n = listing(rig, 'Later')
    expect(n == 5 and set(after) == set(before), 'lost or doubled: %r' % after)
    after, n = listing(rig, 'Late')
    expect(n == 5 and set(after) == set(before), 'lost or doubled: %r' % after)
    for name in names:
        expect(after[name][0] > before[name][0], 'the UID of %s' % name)
        expect(after[name][1:] == before[name][1:], 'flags or date: %r %r' % (
            before[name], after[name]))
    expect(opened(rig, 'Late') == 5, 'they do not open')
    expect(resync(rig, 'Late')['moved'] == 0, 'moved a second time')


def terminal(args):
    """What a command says to a terminal, and its status."""
    pid, master = pty.fork()
    if pid == 0:
        os.execv(args[0], args)
    said = b''
    while True:
        try:
            said += os.read(master, 65536)
        except OSError:     # it has ended
            break
    os.close(master)
    return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_progress(rig):
    """Who waits at a terminal sees a bar that fills."""
    key = LateKey(rig, 'bar')
    fill(rig, key, 'Bar', ['bar-%d' % i for i in range(4)])
    key.come()
    session(rig).logout()
    rig.faults('proxy.resync.stored delay-ms=300 99')
    try:
        said, status = terminal([
            os.path.join(daemon.build_dir(), 'waxwingctl'), '--socket',
            rig.env['CONTROL_SOCKET'], 'resync', ADDRESS, 'Bar'])
    finally:
        rig.faults()
    expect(status == 0 and b'4 messages can be read anew' in said,
           '%d: %r' % (status, said))
    bars = re.findall(rb'\r\[(#*) *\] (\d+)/(\d+) ([^\r\n]*?)\x1b\[K', said)
    done = [int(b[1]) for b in bars]
    expect(done == sorted(done) and done[0] == 0 and done[-1] == 4 and
           len(bars[0][0]) == 0 and len(bars[-1][0]) == 40,
           'no bar that fills: %r' % said)
    expect(any(b[3] == b'Bar' for b in bars), 'not which mailbox: %r' % said)


def test_other_way(rig):
    """The same by way of another mailbox, as for servers that hold nothing
    twice."""
    key = LateKey(rig, 'away')
    names = ['away-%d' % i for i in range(3)]
    fill(rig, key, 'Away', names)
    before, _ = listing(rig, 'Away')
    key.come()
    rig.faults('proxy.resync.twice error')
    try:
        done = resync(rig, 'Away')
    finally:
        rig.faults()
    expect(done['moved'] == 3, repr(done))
    after, n = listing(rig, 'Away')
    expect(n == 3 and set(after) == set(before), 'lost or doubled: %r' % after)
    for name in names:
        expect(after[name][0] > before[name][0], 'the UID of %s' % name)
        expect(after[name][1:] == before[name][1:], 'flags or date: %r %r' % (
            before[name], after[name]))
    expect(not boxes(rig), 'a mailbox is left')


def imap_processes(rig):
    with open(os.path.join(rig.dir, 'pid', 'dovecot'), encoding='ascii') as f:
        master = f.read().split()[0]
    out = subprocess.run(['ps', '-o', 'pid=,comm=', '--ppid', master],
                         capture_output=True, text=True, check=False).stdout
    return [int(line.split()[0]) for line in out.splitlines()
            if line.split()[1] == 'imap']


def strike(rig, point, victim, box, more):
    """Kill the victim once at a point of a resync."""
    mark = 'fault proxy.resync.%s' % point
    action = 'kill 1' if victim == 'proxy' else 'delay-ms=1500 99'
    before = rig.log().count(mark)
    rig.faults('proxy.resync.%s %s' % (point, action), *more)
    old = rig.roles('proxy')
    ctl = subprocess.Popen(
        [os.path.join(daemon.build_dir(), 'waxwingctl'), '--socket',
         rig.env['CONTROL_SOCKET'], 'resync', ADDRESS, box],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        rig.wait(point, lambda: rig.log().count(mark) > before)
        rig.faults(*more)
        if victim in ('imap', 'opener'):
            for pid in (imap_processes(rig) if victim == 'imap' else
                        rig.roles('opener')):
                os.kill(pid, signal.SIGKILL)
        elif victim == 'waxwingctl':
            ctl.kill()
        ctl.wait(30)
    finally:
        ctl.kill()
        ctl.wait()
    if victim == 'proxy':
        rig.wait('new proxy', lambda: rig.roles('proxy') not in ([], old),
                 limit=90)


def late(rig, name):
    """Three messages in a mailbox whose key has come since they were listed;
    what they are called, and what that listing said."""
    names = [name + '-%d' % i for i in range(3)]
    key = LateKey(rig, name)
    fill(rig, key, name, names)
    before, _ = listing(rig, name)
    key.come()
    session(rig).logout()
    return names, before


def one(rig, number, point, victim, more):
    name = 'k%d' % number
    names, before = late(rig, name)
    strike(rig, point, victim, name, more)
    session(rig).logout()
    # Who is cut off is told so, and is done the next time.
    for _ in range(5):
        done = resync(rig, name, check=False)
        if done is not None and done['state'] == 'done':
            break
        time.sleep(0.3)
    else:
        raise daemon.Failed('not done')
    after, n = listing(rig, name)
    expect(n == 3 and set(after) == set(before),
           'lost or doubled: %r, %r' % (before, after))
    for m in names:
        expect(after[m][0] > before[m][0], 'the UID of %s' % m)
        expect(after[m][1:] == before[m][1:], 'flags or date: %r %r' % (
            before[m], after[m]))
    expect(opened(rig, name) == 3, 'they do not open')
    expect(not boxes(rig), 'a mailbox is left')


def test_login_finishes(rig):
    """What was interrupted is finished when its user logs in."""
    for number, point in enumerate(('copied', 'stored')):
        name = 'l%d' % number
        _, before = late(rig, name)
        strike(rig, point, 'proxy', name, ())
        expect(listing(rig, name)[1] == 6, point + ': nothing is left to do')
        c = session(rig)
        rig.wait('end of the resync', lambda: moved(rig, name, before),
                 limit=30)
        c.logout()
        expect(opened(rig, name) == 3, 'they do not open')


def moved(rig, box, before):
    """Is each there once, with another UID?"""
    after, n = listing(rig, box)
    return n == 3 and set(after) == set(before) and all(
        after[m][0] > before[m][0] for m in after)


def cases():
    """Some, or with WAXWING_LONG all."""
    if not os.environ.get('WAXWING_LONG'):
        twice = ('proxy.resync.twice error',)
        yield from (('copied', 'proxy', ()), ('stored', 'proxy', ()),
                    ('stored', 'proxy', twice), ('back', 'proxy', twice),
                    ('copied', 'imap', ()), ('expunged', 'imap', twice),
                    ('copy', 'opener', ()), ('stored', 'waxwingctl', ()))
        return
    for victim in ('proxy', 'opener', 'imap'):
        for point in POINTS:
            yield point, victim, ()
        for point in AWAY:
            yield point, victim, ('proxy.resync.twice error',)
    yield 'stored', 'waxwingctl', ()


def test_killed(rig):
    """kill -9 of proxy, openers, Dovecot's process and waxwingctl at each
    point."""
    wrong = []
    todo = list(enumerate(cases()))
    for number, (point, victim, more) in todo:
        try:
            one(rig, number, point, victim, more)
        except Exception as e:
            wrong.append('%s, kill %s%s: %s: %s' % (
                point, victim, ', other way' if more else '',
                type(e).__name__, e))
        finally:
            rig.faults()
    print('resync: %d kills, %d wrong' % (len(todo), len(wrong)))
    expect(not wrong, '\n'.join(wrong))
