"""What waxwingd says to a wrong conf, and how it starts and stops."""

import os
import signal
import subprocess

import daemon
from daemon import Failed
from s_1_mail import expect


def check(rig, text):
    path = os.path.join(rig.place, 'wrong.conf')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return subprocess.run(
        [os.path.join(daemon.build_dir(), 'waxwingd'), '-n', '-f', path],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=20, check=False)


def test_good_conf(rig):
    done = subprocess.run(
        [os.path.join(daemon.build_dir(), 'waxwingd'), '-n', '-f',
         rig.env['WAXWING_CONF']], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20, check=False)
    expect(done.returncode == 0, done.stderr)


def test_unknown_key(rig):
    done = check(rig, '[imap]\nlisten = 127.0.0.1:1143\nlissen_tls = x\n')
    expect(done.returncode == 78, 'status %d' % done.returncode)
    for word in ('wrong.conf:3', '[imap]', 'lissen_tls', 'listen_tls'):
        expect(word in done.stderr, 'no %s in: %s' % (word, done.stderr))


def test_bad_value(rig):
    done = check(rig, '[imap]\n\nlisten = nowhere\n')
    expect(done.returncode == 78, 'status %d' % done.returncode)
    for word in ('wrong.conf:3', '[imap]', 'listen'):
        expect(word in done.stderr, 'no %s in: %s' % (word, done.stderr))


def test_reload(rig):
    """SIGHUP: sessions stay, a changed listen is named in the log."""
    c = rig.imap('user1')
    path = rig.env['WAXWING_CONF']
    with open(path, encoding='utf-8') as f:
        old = f.read()
    before = len(rig.log())
    try:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(old.replace('127.0.0.1:%d' % rig.port('SMTP_PORT'),
                                '127.0.0.1:%d' % (rig.port('SMTP_PORT') +
                                                  15)))
        os.kill(int(rig.env['WAXWINGD_PID']), signal.SIGHUP)
        rig.wait('"needs restart" in the log',
                 lambda: 'needs restart' in rig.log()[before:])
    finally:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(old)
        os.kill(int(rig.env['WAXWINGD_PID']), signal.SIGHUP)
    expect(c.noop()[0] == 'OK', 'the session died')
    c.logout()
    rig.imap('user1').logout()


def test_status(rig):
    done = rig.ctl('status', '--json')
    if not done.stdout.strip().startswith('{'):
        raise Failed('no JSON: ' + done.stdout)
