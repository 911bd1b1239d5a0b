"""Roles die, the upstream fails: nothing is lost, nothing goes in clear."""

import os
import signal
import smtplib

from daemon import Failed
from s_1_mail import MARKER, expect, fetch, find, mail


def refused(rig, subject, codes):
    """Sending must fail for now with one of these codes."""
    try:
        rig.send(mail(subject, MARKER))
    except smtplib.SMTPResponseException as e:
        expect(e.smtp_code in codes, 'answer: %s %s' % (
            e.smtp_code, e.smtp_error))
        return
    except smtplib.SMTPServerDisconnected:
        expect(421 in codes, 'hung up')
        return
    raise Failed('it was taken')


def all_sealed(rig):
    for entry in rig.submitted():
        text = rig.text_of(entry)
        expect(MARKER not in text, 'message %d is in clear' %
               entry['number'])


def kill(rig, role):
    pids = rig.roles(role)
    expect(pids, 'there is no %s' % role)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_sealer_killed(rig):
    """A new sealer takes over; until then at worst a temporary answer."""
    def taken():
        try:
            rig.send(mail('after-sealer', MARKER))
        except smtplib.SMTPResponseException as e:
            expect(400 <= e.smtp_code < 500, 'answer: %r' % e)
            return False
        return True
    kill(rig, 'sealer')
    rig.wait('new sealer', taken)
    all_sealed(rig)


def test_opener_killed(rig):
    rig.send(mail('after-opener', MARKER))
    c = rig.imap('user2')
    uid = find(c, 'after-opener')
    expect(MARKER in fetch(c, uid), 'not opened')
    kill(rig, 'opener')
    d = rig.imap('user2')
    ok = rig.imap('user2', readonly=True)
    expect(MARKER in fetch(d, uid), 'not opened again')
    for s in (c, d, ok):
        s.logout()


def test_upstream_refuses_at_dot(rig):
    rig.upstream_faults({'at': 'dot', 'reply': '451 4.3.0 full',
                         'count': 1})
    refused(rig, 'dot', (451,))
    rig.upstream_faults()
    rig.send(mail('dot', MARKER))
    all_sealed(rig)


def test_upstream_lost_in_data(rig):
    rig.upstream_faults({'at': 'body', 'drop': True, 'after': 100,
                         'count': 1})
    refused(rig, 'lost', (421, 451))
    rig.upstream_faults()
    rig.send(mail('lost', MARKER))
    all_sealed(rig)


def test_upstream_refuses_recipient(rig):
    rig.upstream_faults({'at': 'rcpt', 'match': 'user2', 'count': 1,
                         'reply': '450 4.2.1 mailbox busy'})
    try:
        rig.send(mail('busy', MARKER))
    except smtplib.SMTPRecipientsRefused as e:
        expect(e.recipients['user2@example.test'][0] == 450,
               'answer: %r' % e)
    else:
        raise Failed('it was taken')
    finally:
        rig.upstream_faults()


def test_roles_have_no_root(rig):
    """As root: whoever talks or opens has given it up."""
    if os.geteuid() != 0:
        return
    for role in ('proxy', 'sealer', 'agent', 'opener'):
        for pid in rig.roles(role):
            with open('/proc/%d/status' % pid, encoding='ascii') as f:
                text = f.read()
            uids = [line for line in text.splitlines()
                    if line.startswith('Uid:')][0].split()[1:]
            expect('0' not in uids, '%s runs as root' % role)
            expect('NoNewPrivs:\t1' in text, '%s may gain' % role)
