"""New mail is opened before a client asks, and no login is lost by it."""

import imaplib
import json
import os
import signal
import time

from s_1_mail import MARKER, expect, fetch, find, mail
from s_8_facts import status


def watched(rig, user):
    """Is a connection of our own in that INBOX?"""
    return any(a['login'] == user + '@example.test' and a.get('watched')
               for a in json.loads(
                   rig.ctl('--json', 'account', 'list').stdout))


def still(rig):
    """Is nothing being opened?"""
    before = status(rig, 'opened')
    time.sleep(0.5)
    return status(rig, 'opened') == before


def test_opened_before(rig):
    """What came while nobody asked is opened when somebody does."""
    c = rig.imap('user2')
    rig.wait('connection', lambda: watched(rig, 'user2'))
    rig.wait('end of opening', lambda: still(rig))
    before = status(rig, 'opened')
    rig.send(mail('ahead', MARKER + b'\r\n'))
    rig.wait('opening', lambda: status(rig, 'opened') > before)
    rig.wait('end of opening', lambda: still(rig))
    count = status(rig, 'opened')
    c.noop()
    uid = find(c, 'ahead')
    expect(MARKER in fetch(c, uid), 'not the text')
    c.logout()
    expect(status(rig, 'opened') == count, 'opened again')


def dovecot(rig, old, new):
    """Change a line of Dovecot's configuration."""
    root = os.path.dirname(rig.env['LOG_DIR'])
    path = os.path.join(root, 'dovecot', 'conf')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    expect(old in text, 'no such line: ' + old)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.replace(old, new))
    with open(os.path.join(rig.dir, 'pid', 'dovecot'), encoding='ascii') as f:
        os.kill(int(f.read().split()[0]), signal.SIGHUP)


def takes(rig, count):
    """Does Dovecot take so many connections of a user, and no more?"""
    there = []
    try:
        for _ in range(count + 1):
            there.append(rig.imap('user4', direct=True))
    except imaplib.IMAP4.error:
        pass
    for c in there:
        c.logout()
    return len(there) == count


def test_limit_of_server(rig):
    """A server that takes two connections takes two clients."""
    usual = 'mail_max_userip_connections = 200'
    dovecot(rig, usual, 'mail_max_userip_connections = 2')
    try:
        # Processes that began before take some logins more.
        rig.wait('limit', lambda: takes(rig, 2) and takes(rig, 2))
        one = rig.imap('user3')
        # A server that says BYE is asked again a minute later.
        rig.wait('connection', lambda: watched(rig, 'user3'), 150)
        before = rig.log().count('result=again')
        two = rig.imap('user3')
        expect(rig.log().count('result=again') == before + 1,
               'the server had room')
        for c in (one, two):
            expect(c.noop()[0] == 'OK', 'a session is gone')
            c.logout()
    finally:
        dovecot(rig, 'mail_max_userip_connections = 2', usual)
