"""Processes start, die, come back, stop, and hold only what they need."""

import contextlib
import os
import pwd
import re
import signal
import socket
import subprocess
import time

import daemon
from parentlib import (
    ROLES, ROOT, back, expect, left, role, start, status, wait)


def test_start_and_stop(place):
    with place.running() as d:
        s = status(d)
        expect(s['ready'] and len(s['install_id']) == 16, str(s))
        expect(sorted(r['role'] for r in s['roles']) == sorted(ROLES),
               str(s))
        expect(all(r['state'] == 'up' for r in s['roles']), str(s))
        expect(len(left(d)) == 5, 'not five processes')
    for port in d.ports:
        with socket.socket() as s:
            expect(s.connect_ex(('127.0.0.1', port)) != 0,
                   'port %d is still served' % port)
    before = status_id(d)
    start(d)
    expect(status(d)['install_id'] == before, 'another installation id')
    d.stop()


def status_id(d):
    with open(os.path.join(d.dir, 'state', 'install_id'),
              encoding='ascii') as f:
        return f.read().strip()


def test_state_is_private(place):
    with place.running() as d:
        state = os.path.join(d.dir, 'state')
        expect(os.stat(state).st_mode & 0o077 == 0, 'state_dir is open')
        for path, _, names in os.walk(state):
            for name in names:
                mode = os.stat(os.path.join(path, name)).st_mode
                expect(mode & 0o077 == 0, '%s is open' % name)
        expect(os.path.exists(os.path.join(state, 'tls.cert.pem')),
               'no certificate was made')


def test_each_role_killed(place):
    with place.running() as d:
        for name in ROLES:
            pid = role(d, name)['pid']
            os.kill(pid, signal.SIGKILL)
            back(d, name, pid)
        expect(len(left(d)) == 5, 'not five processes')
        expect(d.process.poll() is None, 'the parent ended')


def test_backoff(place):
    with place.running() as d:
        pauses = []
        for _ in range(3):
            pid = role(d, 'agent')['pid']
            begin = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            back(d, 'agent', pid)
            pauses.append(time.monotonic() - begin)
        for pause, least in zip(pauses, (0.1, 0.2, 0.4)):
            expect(pause >= least, 'pauses: %s' % pauses)


def test_all_killed_at_once(place):
    with place.running() as d:
        old = {r['role']: r['pid'] for r in status(d)['roles']}
        for pid in old.values():
            os.kill(pid, signal.SIGKILL)
        for name, pid in old.items():
            back(d, name, pid)


def test_parent_killed(place):
    """Nothing stays behind, and what it left does not hinder the next."""
    d = place.daemon()
    start(d)
    os.kill(d.process.pid, signal.SIGKILL)
    d.process.wait()
    wait('the roles end', lambda: not left(d))
    start(d)
    d.stop()


def test_hung_role(place):
    """A role that does not answer cannot keep the daemon from stopping."""
    d = place.daemon()
    start(d)
    pid = role(d, 'agent')['pid']
    os.kill(pid, signal.SIGSTOP)
    d.stop(limit=30)
    expect(not left(d), 'processes are left')


def test_hup(place):
    with place.running() as d:
        d.sections['smtp']['listen'] += ' 127.0.0.1:1'
        d.sections['daemon']['log'] = 'debug'
        d.write_conf()
        d.hup()
        wait('the reload', lambda: ' info reload' in d.log())
        expect('listen="needs restart"' in d.log(), d.log())
        pids = [r['pid'] for r in status(d)['roles']]

        d.sections['smtp']['lisen'] = 'x'
        d.write_conf()
        d.hup()
        wait('the refusal', lambda: 'conf:' in d.log())
        expect([r['pid'] for r in status(d)['roles']] == pids,
               'a wrong conf ended a role')
        del d.sections['smtp']['lisen']


def test_bad_conf(place):
    d = place.daemon()
    for text, words in (
            ('[imap]\nlissen = x\n', ('conf:2', '[imap]', 'lissen')),
            ('[imap]\n\nlisten = nowhere\n', ('conf:3', '[imap]', 'listen'))):
        path = os.path.join(d.dir, 'conf')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        for option in ('-n', '-d'):
            done = subprocess.run(
                [os.path.join(d.build, 'waxwingd'), option, '-f', path],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=20, check=False)
            expect(done.returncode == 78, '%s: status %d' % (
                option, done.returncode))
            for word in words:
                expect(word in done.stderr, '%s: no %s in: %s' % (
                    option, word, done.stderr))


def test_bad_place(place):
    """What only the start can find out names its key and line as well."""
    d = place.daemon()
    with open(d.sections['daemon']['master_key'], 'wb') as f:
        f.write(b'short')
    path = os.path.join(d.dir, 'conf')
    with open(path, encoding='utf-8') as f:
        lines = f.read().split('\n')
    line = [i for i, x in enumerate(lines, 1) if x.startswith('master_key')]
    expect(ended(d) == 78, 'not refused as a wrong conf:\n' + d.log())
    expect('conf:%d: [daemon] master_key: ' % line[0] in d.log() and
           'bytes' in d.log(), d.log())
    if ROOT:
        d = place.daemon(daemon={'user': 'no-such-user'})
        expect(ended(d) == 78, 'not refused as a wrong conf:\n' + d.log())
        expect('[daemon] user: no user' in d.log(), d.log())
        expect('[daemon] user: no user' in checked(d, 78), 'not by -n')


def checked(d, status):
    """What waxwingd -n says of a daemon's conf."""
    done = subprocess.run(
        [os.path.join(d.build, 'waxwingd'), '-n', '-f',
         os.path.join(d.dir, 'conf')], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20, check=False)
    expect(done.returncode == status, done.stderr)
    return done.stderr


def line_of(d, key):
    """'conf:LINE: ' of the first such key of a daemon's conf."""
    with open(os.path.join(d.dir, 'conf'), encoding='utf-8') as f:
        for n, text in enumerate(f, 1):
            if text.startswith(key + ' ='):
                return 'conf:%d: ' % n
    raise ValueError(key)


def test_bad_state_dir(place):
    """Root gives the daemon's user no directory that has another purpose."""
    if not ROOT:
        return
    d = place.daemon()
    state = d.sections['daemon']['state_dir']
    os.chown(state, 0, 0)
    os.chmod(state, 0o755)
    os.mkdir(os.path.join(state, 'cron.d'))
    expect(ended(d) == 78, 'not refused as a wrong conf:\n' + d.log())
    expect(line_of(d, 'state_dir') + '[daemon] state_dir: ' in d.log() and
           'cron.d' in d.log(), d.log())
    now = os.stat(state)
    expect((now.st_uid, now.st_mode & 0o777) == (0, 0o755), 'it was taken')
    os.rmdir(os.path.join(state, 'cron.d'))
    os.mkdir(os.path.join(state, 'lost+found'))
    start(d)
    d.stop()


def test_lost_master_key(place):
    """A new one is made only where nothing lies under an older one."""
    d = place.daemon()
    start(d)
    d.stop()
    key = d.sections['daemon']['master_key']
    os.rename(key, key + '.away')
    expect(ended(d) == 78, 'not refused as a wrong conf:\n' + d.log())
    expect(line_of(d, 'master_key') + '[daemon] master_key: ' in d.log() and
           'is missing, and' in d.log(), d.log())
    expect(not os.path.exists(key), 'another one was made')
    os.rename(key + '.away', key)
    start(d)
    d.stop()


def test_foreign_state(place):
    """What root left in the state directory is named, and whose it is."""
    if not ROOT:
        return
    d = place.daemon()
    start(d)
    d.stop()
    state = d.sections['daemon']['state_dir']
    uid = os.stat(state).st_uid
    for name in ('install_id', 'key'):
        path = os.path.join(state, name)
        os.chown(path, 0, 0)
        expect(ended(d) == 1, 'it started')
        expect(path + ' belongs to uid 0' in d.log(), d.log())
        os.chown(path, uid, -1)
    start(d)
    d.stop()


def test_bad_control(place):
    """What is no socket stays as it is."""
    d = place.daemon()
    with open(d.control, 'w', encoding='ascii') as f:
        f.write('mine')
    expect(ended(d) == 1, 'it started')
    expect(line_of(d, 'control') + '[daemon] control: ' in d.log() and
           'something else than a socket' in d.log(), d.log())
    expect(os.path.getsize(d.control) == 4, 'the file is gone')
    d = place.daemon(daemon={'control': os.path.join(d.control, 'socket')})
    expect(ended(d) == 1, 'it started')
    expect(line_of(d, 'control') + '[daemon] control: ' in d.log() and
           'Not a directory' in d.log(), d.log())
    d = place.daemon(daemon={'control': os.path.join(d.dir, 'a/b/socket')})
    expect(ended(d) == 1, 'it started')
    expect('[daemon] control: cannot make ' in d.log(), d.log())


def test_no_upstream(place):
    d = place.daemon()
    del d.sections['upstream example.test']
    d.write_conf()
    expect(ended(d) == 78, 'not refused as a wrong conf:\n' + d.log())
    expect('/conf: there is no section [upstream' in d.log(), d.log())
    expect('there is no section [upstream' in checked(d, 78), 'not by -n')


def test_bad_files(place):
    """-n finds in the files what the proxy would find in them."""
    pki = daemon.make_pki(os.path.join(place.path, 'pki'), 1)
    d = place.daemon()
    d.sections['imap'].update(cert=os.path.join(pki, 'server.pem'),
                              key=os.path.join(pki, 'ca.key'))
    os.chmod(os.path.join(pki, 'ca.key'), 0o600)
    d.write_conf()
    for said in (checked(d, 78), ended(d) == 78 and d.log()):
        expect(line_of(d, 'cert') + '[imap] cert: ' in said, said)
    d.sections['imap'].update(key=os.path.join(pki, 'server.key'))
    d.sections['upstream example.test']['ca_file'] = bad = os.path.join(
        d.dir, 'bad.pem')
    with open(bad, 'w', encoding='ascii') as f:
        f.write('-----BEGIN CERTIFICATE-----\nAAAA\n')
    d.write_conf()
    expect(line_of(d, 'ca_file') + '[upstream example.test] ca_file: ' in
           checked(d, 78), 'not by -n')


def test_unknown_unix_user(place):
    """An owner who is not there is no reason not to start, but is told."""
    with place.running(**{'account me@example.test': {
            'unix_user': 'no-such-user'}}) as d:
        says = (line_of(d, 'unix_user') +
                '[account me@example.test] unix_user: no user ')
        expect(says in checked(d, 0), 'not by -n')
        expect(says in d.log(), d.log())


def ended(d, limit=20):
    """Start a daemon that cannot run; returns its exit status."""
    d.start([])
    return d.process.wait(limit)


def test_port_in_use(place):
    d = place.daemon()
    with socket.socket() as s:
        s.bind(('127.0.0.1', d.ports[1]))
        s.listen(1)
        expect(ended(d) == 1, 'it started')
    expect('[smtp] listen: 127.0.0.1:%d: ' % d.ports[1] in d.log(), d.log())
    expect(not left(d), 'processes are left')


def test_two_on_one_state(place):
    with place.running() as d:
        other = place.daemon()
        other.sections['daemon']['state_dir'] = os.path.join(d.dir, 'state')
        other.write_conf()
        expect(ended(other) == 1, 'both run')
        expect('another waxwingd' in other.log(), other.log())


def test_two_on_one_socket(place):
    with place.running() as d:
        other = place.daemon()
        other.sections['daemon']['control'] = d.control
        other.write_conf()
        expect(ended(other) == 1, 'both run')
        expect('control' in other.log(), other.log())
        status(d)


def by_conf(d):
    """The pid of the process that was started with a daemon's conf."""
    conf = os.path.join(d.dir, 'conf').encode()
    for name in os.listdir('/proc'):
        with contextlib.suppress(OSError, ValueError):
            with open('/proc/%d/cmdline' % int(name), 'rb') as f:
                if conf in f.read().split(b'\0'):
                    return int(name)
    return None


def test_background(place):
    """Without -d the command returns when all is ready."""
    d = place.daemon()
    try:
        with open(d.log_path, 'ab') as log:
            done = subprocess.run(
                [os.path.join(d.build, 'waxwingd'), '-f',
                 os.path.join(d.dir, 'conf')], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log, timeout=20,
                check=False)
        expect(done.returncode == 0, d.log())
        pids = [r['pid'] for r in status(d)['roles']]
    finally:
        pid = by_conf(d)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
    for pid in pids + [pid]:
        wait('end of %d' % pid, lambda p=pid: daemon.ended(p))


def test_systemd(place):
    """Sockets that were passed are used; READY=1 is said."""
    d = place.daemon()
    notify = os.path.join(d.dir, 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as n, \
            socket.socket() as s:
        n.bind(notify)
        os.chmod(notify, 0o777)
        n.settimeout(20)
        s.bind(('127.0.0.1', 0))
        s.listen(5)
        fd = os.dup(s.fileno())
        script = 'exec 3<&%d; LISTEN_PID=$$ exec "$0" -d -f "$1"' % fd
        with open(d.log_path, 'ab') as log:
            d.process = subprocess.Popen(
                ['bash', '-c', script, os.path.join(d.build, 'waxwingd'),
                 os.path.join(d.dir, 'conf')], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=[fd],
                env=dict(os.environ, NOTIFY_SOCKET=notify, LISTEN_FDS='1',
                         LISTEN_FDNAMES='imap',
                         ASAN_OPTIONS='detect_leaks=0'),
                start_new_session=True)
        os.close(fd)
        expect(n.recv(100) == b'READY=1', 'not ready')
        with socket.socket() as probe:
            expect(probe.connect_ex(('127.0.0.1', d.ports[0])) != 0,
                   'the configured port is bound too')
        socket.create_connection(s.getsockname(), 5).close()
        socket.create_connection(('127.0.0.1', d.ports[1]), 5).close()
        d.process.send_signal(signal.SIGTERM)
        expect(n.recv(100) == b'STOPPING=1', 'does not tell that it stops')
        expect(d.process.wait(30) == 0, d.log())
    expect(not left(d), 'processes are left')


def test_units(place):
    """systemd gives the directories to the user of the conf, and the program
    is root at first all the same."""
    del place
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    for name in ('waxwing', 'waxwing-cloud'):
        with open(os.path.join(top, 'conf', name + '.conf'),
                  encoding='utf-8') as f:
            user = re.search('^#user = (.*)$', f.read(), re.M).group(1)
        with open(os.path.join(top, 'systemd', name + '.service.in'),
                  encoding='utf-8') as f:
            unit = f.read()
        expect('\nUser=%s\n' % user in unit, name + ': not its user')
        expect('\nExecReload=@sbindir@/%sd -n ' % name in unit,
               name + ': it is reloaded unseen')
        for key in ('ExecStartPre', 'ExecStart'):
            expect('\n%s=!@sbindir@/' % key in unit,
                   '%s: %s is not run by root' % (name, key))


def test_roles_hold_nothing(place):
    """A role has its link, and no environment but the hooks of tests."""
    if not ROOT:
        return  # /proc shows it to root only
    with place.running() as d:
        for r in status(d)['roles']:
            with open('/proc/%d/environ' % r['pid'], 'rb') as f:
                names = {e.partition(b'=')[0] for e in f.read().split(b'\0')}
            expect(names <= {b'', b'WAXWING_FAULTS', b'WAXWING_CLOCK',
                             b'ASAN_OPTIONS', b'LSAN_OPTIONS',
                             b'UBSAN_OPTIONS'}, '%s: %s' % (r, names))
            fds = '/proc/%d/fd' % r['pid']
            files = [os.readlink(os.path.join(fds, f)) for f in
                     os.listdir(fds)]
            expect(not any('master.key' in f or f.endswith('/control')
                           for f in files), '%s: %s' % (r, files))
            with open('/proc/%d/status' % r['pid'], encoding='utf-8') as f:
                text = f.read()
            expect('NoNewPrivs:\t1' in text, 'may gain privileges')
            uid = pwd.getpwnam(daemon.ordinary_user()).pw_uid
            expect('Uid:\t%d\t%d\t%d\t%d' % (uid, uid, uid, uid) in text,
                   'not the ordinary user')
        with open('/proc/%d/status' % d.process.pid, encoding='utf-8') as f:
            expect('Uid:\t%d\t' % uid in f.read(), 'the parent is root')
