"""The control socket: who may say what, and keys that come over it."""

import contextlib
import json
import os
import pwd
import socket
import subprocess

import daemon
from parentlib import ROOT, expect, status, wait


def as_user(d, uid, *args):
    """Run waxwingctl as another user; returns the finished process."""
    def drop():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    return subprocess.run(
        [os.path.join(d.build, 'waxwingctl'), '--socket', d.control,
         *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=20, check=False, preexec_fn=drop, cwd='/')


def test_control_modes(place):
    with place.running() as d:
        expect(os.stat(d.control).st_mode & 0o777 == 0o600, 'not 0600')
        d.sections['account me@example.test'] = {'unix_user': 'daemon'}
        d.write_conf()
        d.hup()
        wait('0666', lambda: os.stat(d.control).st_mode & 0o777 == 0o666)


def test_control_strangers(place):
    """Who owns an account may see it; who owns none may nothing."""
    if not ROOT or not daemon.reachable(daemon.build_dir()):
        return
    uid = pwd.getpwnam('daemon').pw_uid
    with place.running(**{
            'account me@example.test': {'unix_user': 'daemon',
                                        'addresses': 'me@example.test'},
            'account you@example.test': {}}) as d:
        mine = as_user(d, uid, 'account', 'list')
        expect(mine.returncode in (0, 75), mine.stderr)
        expect('you@example.test' not in mine.stdout, mine.stdout)
        for command in (('status',), ('cert', 'list'), ('cache', 'drop'),
                        ('log-level', 'debug')):
            done = as_user(d, uid, *command)
            expect(done.returncode == 77, '%s: %d %s' % (
                command, done.returncode, done.stderr))
        done = as_user(d, uid, 'key', 'list', '--account',
                       'you@example.test')
        expect(done.returncode == 77, done.stderr)
        done = as_user(d, uid, 'key', 'import', 'you@example.test',
                       '/etc/passwd', '--passphrase-file', '/etc/passwd')
        expect(done.returncode == 77, done.stderr)
        for command in ('enrol', 'renew', 'release-log'):
            done = as_user(d, uid, command, 'you@example.test')
            expect(done.returncode == 77, '%s: %d %s' % (
                command, done.returncode, done.stderr))
        done = as_user(d, uid, 'revoke', '0' * 64)
        expect(done.returncode == 1, done.stderr)
        done = as_user(d, uid + 1, 'lookup', 'me@example.test')
        expect(done.returncode == 77, done.stderr)


def test_control_garbage(place):
    """A line that is no command is refused, or ends the connection."""
    with place.running() as d:
        for text, want in (
                (b'{"command":"no-such"}\n', b'"code":"unsupported"'),
                (b'{}\n', b'"code":"unsupported"'),
                (b'{"command":"status"}\n{"command":"status"}\n',
                 b'"ok":true'),
                (b'{"command":"key-import"}\n', b'"code":"syntax"'),
                (b'{"command":"log-level","level":"loud"}\n',
                 b'"code":"syntax"'),
                (b'{"command":1}\n', b'"code":"unsupported"'),
                (b'[]\n', b''),
                (b'{"a":1,"a":2}\n', b''),
                (b'\0\0\n', b''),
                (b'x' * 70000, b''),
                (b'[' * 60000 + b'\n', b'')):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(d.control)
                with contextlib.suppress(BrokenPipeError,
                                         ConnectionResetError):
                    s.sendall(text)
                try:
                    got = s.recv(65536)
                except ConnectionResetError:
                    got = b''
                expect(want in got if want else got == b'',
                       '%r: %r' % (text[:40], got[:200]))
        status(d)


def test_key_import(place):
    """Keys come in by a passphrase typed or in a file, and are listed."""
    pki = daemon.make_pki(os.path.join(place.path, 'pki'), 1)
    p12 = os.path.join(pki, 'user1.encrypt.p12')
    with place.running() as d:
        done = d.ctl('key', 'import', 'user1@example.test', p12,
                     '--passphrase-file', '/etc/passwd', check=False)
        expect(done.returncode != 0, 'a wrong passphrase was right')
        expect(b'passphrase' in done.stderr, done.stderr)
        done = d.ctl('key', 'import', 'x@example.test',
                     os.path.join(pki, 'ca.pem'), '--passphrase-file',
                     os.path.join(pki, 'passphrase'), check=False)
        expect(done.returncode == 1, 'no PKCS#12 was taken')
        done = d.ctl('cert', 'import', os.path.join(pki, 'ca.pem'),
                     check=False)
        expect(done.returncode == 1 and b'nothing was taken' in done.stderr,
               'an authority was taken: %r' % done)
        with open(d.faults, 'w', encoding='ascii') as f:
            f.write('agent.cert.store error\n')
        for command in (('cert', 'import',
                         os.path.join(pki, 'user1.sign.pem')),
                        ('key', 'import', 'user1@example.test',
                         os.path.join(pki, 'user1.sign.p12'),
                         '--passphrase-file',
                         os.path.join(pki, 'passphrase'))):
            done = d.ctl(*command, check=False)
            expect(done.returncode == 1 and
                   b'certificates were refused' in done.stderr and
                   b'agent.cert.store' in done.stdout,
                   'a full disk went unseen: %r' % done)
        os.unlink(d.faults)
        d.import_user(pki, 'user1')
        keys = json.loads(d.ctl('--json', 'key', 'list').stdout)
        expect(sorted(k['usage'] for k in keys) == ['encrypt', 'sign'],
               str(keys))
        certs = json.loads(d.ctl('--json', 'cert', 'list',
                                 'user1@example.test').stdout)
        expect(len(certs) == 2, str(certs))
        found = json.loads(d.ctl('--json', 'lookup',
                                 'user1@example.test').stdout)
        expect(found['state'] == 'usable' and found['trust'] == 'manual',
               str(found))
        found = json.loads(d.ctl('--json', 'lookup',
                                 'user2@example.test').stdout)
        expect(found['state'] == 'none', str(found))
        asked_on_terminal(d, pki)
        exported(d, pki)


def exported(d, pki):
    """Export what was imported; a file that is there stays as it is."""
    out = os.path.join(d.dir, 'out.p12')
    secret = ('--passphrase-file', os.path.join(pki, 'passphrase'))
    done = json.loads(d.ctl('--json', 'key', 'export', 'user1@example.test',
                            out, *secret).stdout)
    expect('p12' not in done and done['file'] == out, str(done))
    expect(os.stat(out).st_mode & 0o777 == 0o600, 'others can read it')
    text = subprocess.run(
        ['openssl', 'pkcs12', '-in', out, '-nodes', '-passin',
         'file:' + secret[1]], capture_output=True, check=True).stdout
    expect(text.count(b'BEGIN PRIVATE KEY') == 1, 'not the one key')
    done = d.ctl('key', 'export', 'user1@example.test', out, *secret,
                 check=False)
    expect(done.returncode == 1 and b'exists' in done.stderr, done.stderr)
    gone = os.path.join(d.dir, 'none.p12')
    done = d.ctl('key', 'export', 'user2@example.test', gone, *secret,
                 check=False)
    expect(done.returncode == 1, done.stderr)
    expect(not os.path.exists(gone), 'an empty file was left')


def test_enrol_nothing(place):
    """Without a cloud there is nothing to enrol with, and it says so."""
    with place.running() as d:
        for args in (('enrol', 'me@example.test'),
                     ('renew', 'me@example.test'),
                     ('release-log', 'me@example.test'),
                     ('revoke', '0' * 64)):
            done = d.ctl(*args, check=False)
            expect(done.returncode in (1, 75), '%s: %d %s' % (
                args, done.returncode, done.stderr))
            expect(done.stderr.startswith(b'waxwingctl: '), done.stderr)
        expect(d.ctl('revoke', 'ab', check=False).returncode == 1, 'short')
        expect(d.ctl('account', 'list').returncode == 0, 'accounts')


def asked_on_terminal(d, pki):
    """Type the passphrase on a terminal, which must not show it."""
    pid, fd = os.forkpty()
    if pid == 0:
        os.execv(os.path.join(d.build, 'waxwingctl'),
                 ['waxwingctl', '--socket', d.control, 'key', 'import',
                  'user1@example.test', os.path.join(pki, 'user1.sign.p12')])
    seen = b''
    while b'Passphrase of' not in seen:
        seen += os.read(fd, 1000)
    with open(os.path.join(pki, 'passphrase'), 'rb') as f:
        secret = f.read().strip()
    os.write(fd, secret + b'\n')
    with contextlib.suppress(OSError):
        while True:
            more = os.read(fd, 1000)
            if not more:
                break
            seen += more
    expect(os.waitpid(pid, 0)[1] == 0, seen)
    expect(secret not in seen, 'the passphrase was shown')
    expect(b'imported the key' in seen, seen)


def test_key_import_unsealed(place):
    """Only sealed copies are taken: a file could block whoever reads it."""
    with place.running() as d, socket.socket(socket.AF_UNIX) as s, \
            open('/etc/passwd', 'rb') as f:
        s.settimeout(10)
        s.connect(d.control)
        socket.send_fds(s, [b'{"command":"cert-import"}\n'], [f.fileno()])
        expect(b'sealed' in s.recv(1000), 'a file was taken')


def test_ctl(place):
    """What waxwingctl itself says."""
    with place.running() as d:
        expect(d.ctl('status').stdout.count(b'\n') == 5, 'status')
        d.ctl('log-level', 'debug')
        for args, code in ((('nonsense',), 64), (('key', 'import'), 64),
                           (('log-level', 'loud'), 1),
                           (('cert', 'import', '/no/such'), 1),
                           (('key', 'import', 'x', '/no/such'), 1)):
            done = d.ctl(*args, check=False)
            expect(done.returncode == code, '%s: %d %s' % (
                args, done.returncode, done.stderr))
    done = d.ctl('status', check=False)
    expect(done.returncode == 69, 'no daemon: %d' % done.returncode)
    expect(b'running' in done.stderr, 'no hint')


# The pool of openers, with a proxy that only asks for them.
