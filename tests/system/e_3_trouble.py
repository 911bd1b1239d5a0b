"""A cloud that is down, slow or lying; mail servers that refuse.

Whatever it is: "waxwingctl status" says so, nothing wrong is taken, nothing is
lost, and enrolment comes to its end when the trouble is over.
"""

import base64
import os
import signal
import subprocess
import time

import liar
from daemon import Failed
from device import (DOMAIN, Device, enrol, keys, login, record, wait_enrolled,
                    wait_for)
from e_1_first import AT_ONCE, CA, cloud_get, inbox, letter, openssl
from e_2_devices import current, reads
from liar import Liar
from s_1_mail import expect

# Each test has a user of its own.
FIRST = 30
ELSEWHERE = 'https://127.0.0.2:1'


def waiting(device, user, *words):
    """Until the status says that it waits, and why; returns the reason."""
    def complains():
        entry = record(device, user) or {}
        return entry.get('state') == 'waiting' and 'retry_at' in entry and \
            entry['reason']
    try:
        why = wait_for('complaint about ' + user, complains)
    except Failed as e:
        raise Failed('%s: %r' % (e, record(device, user))) from None
    expect(not words or any(w in why for w in words),
           'the reason of %s is %r' % (user, why))
    return why


def again(device, user):
    """The trouble is over: do not wait for the next try."""
    device.ctl('enrol', user + DOMAIN, check=False)
    wait_enrolled(device, user)


def alright(rig, device, user):
    """One signing key here, one in the CA's store, and all belongs together."""
    mine, theirs = keys(device, user), current(rig, user, time.time())
    expect(len(mine['sign']) == 1 and len(mine['encrypt']) == 1,
           'keys: %r' % mine)
    expect(len(theirs['encrypt']) == 1, 'store: %r' % theirs)
    expect(mine['sign'][0] in prints(rig, user) and
           mine['encrypt'][0] in prints(rig, user),
           'a certificate that is not of %s: %r' % (user, mine))


def der(cert):
    return base64.urlsafe_b64decode(cert['der'] + '===')


def prints(rig, user):
    """Fingerprints of all that the CA issued for somebody."""
    found = []
    for cert in rig.store('cert').values():
        if cert['mailbox'] == user + DOMAIN:
            text = openssl('x509', '-inform', 'der', '-noout', '-fingerprint',
                           '-sha256', data=der(cert)).decode()
            found.append(text.partition('=')[2].strip().replace(
                ':', '').lower())
    return found


def chain(rig, user):
    """The certificate for signing that somebody got, and its issuer."""
    hosted = {c['serial'] for c in
              rig.store('hosted')[user + DOMAIN]['certs']}
    for cert in rig.store('cert').values():
        if cert['mailbox'] == user + DOMAIN and cert['serial'] not in hosted:
            return openssl('x509', '-inform', 'der', data=der(cert)) + \
                openssl('x509', '-inform', 'der', data=cloud_get(rig, '/ca'))
    raise Failed(user + ' has no certificate')


# The cloud.

def test_down_at_first_login(rig):
    """It comes up later; enrolment goes on by itself."""
    with Device(rig, 'early') as d:
        rig.cloud_stop()
        try:
            expect(login(d, 'user30') < AT_ONCE, 'the login waited')
            waiting(d, 'user30')
            expect(keys(d, 'user30')['sign'] == [], 'a key of nobody')
            text = d.ctl('status').stdout
            expect('user30@example.test' in text and 'waiting' in text, text)
        finally:
            rig.cloud_start()
        wait_enrolled(d, 'user30')
        alright(rig, d, 'user30')


def test_slow(rig):
    with Device(rig, 'patient') as d, Liar(rig) as l:
        l.lies = [('', liar.slow(0.7))]
        login(d, 'user31')
        expect((record(d, 'user31') or {}).get('state') != 'enrolled',
               'the login waited')
        wait_enrolled(d, 'user31', 120)
        expect(len(l.told) > 8, 'not slow')
        alright(rig, d, 'user31')


def unsigned(a):
    """The same words, in a CMS that nobody signed."""
    said = openssl('cms', '-verify', '-noverify', '-nosigs', '-binary',
                   '-inform', 'DER', data=a.body)
    a.body = openssl('cms', '-data_create', '-binary', '-outform', 'DER',
                     data=said)


class Recorded:
    """The answer that somebody else got for this mailbox."""

    def __init__(self):
        self.body = None

    def keep(self, a):
        self.body = a.body

    def tell(self, a):
        a.body = self.body


# name: path, lie, and what the status says.
LIES = {
    'order for another address': (
        'new-order', liar.text('user33', 'user1'), 'for another address'),
    'authorization of another address': (
        '/authz/', liar.text('user34', 'user1'), 'for another address'),
    'order redirected': (
        'new-order', liar.redirect(ELSEWHERE + '/acme/order/1'),
        'redirects'),
    'order without end': ('new-order', liar.endless, 'larger than'),
    'keys without end': ('/kms/keys', liar.endless, 'larger than'),
    '10 MB of JSON': ('new-order', liar.huge, 'size exceeded'),
    'deep JSON': ('new-order', liar.deep, 'deeper than'),
    'order cut off': ('new-order', liar.truncated, 'partial'),
    'certificate cut off': ('/cert/', liar.truncated, 'partial'),
    'keys cut off': ('/kms/keys', liar.truncated, 'partial'),
    'order of another origin': (
        'new-order', liar.text('https://localhost', ELSEWHERE),
        'no URL of the cloud'),
    'nonces used before': (
        '', liar.field('Replay-Nonce', 'dXNlZC1iZWZvcmU'), 'badNonce'),
    'keys that nobody signed': ('/kms/keys', unsigned, ''),
    'directory redirected': (
        '/acme/directory', liar.redirect(ELSEWHERE + '/acme/directory'),
        'redirects'),
    'directory without end': ('/acme/directory', liar.endless, 'larger than'),
    'deep directory': ('/acme/directory', liar.deep, 'deeper than'),
    'directory of another origin': (
        '/acme/directory', liar.text('https://localhost', ELSEWHERE), ''),
}


def lied_to(rig, device, l, user, path, lie, words):
    """It is seen, told, and over when the cloud is honest again."""
    l.lies, l.told = [(path, lie)], []
    if 'directory' in path:
        # It was read already; the next agent reads it again.
        os.kill(device.role('agent'), signal.SIGKILL)
    login(device, user)
    waiting(device, user, words)
    expect(l.told, 'no lie was told')
    found = keys(device, user)
    # Keys of the service come last, when there is a certificate.
    expect(found['encrypt'] == [] and (
        found['sign'] == [] or path == '/kms/keys'), 'taken: %r' % found)
    l.lies = []
    again(device, user)
    alright(rig, device, user)


def test_lies(rig):
    wrong = []
    with Device(rig, 'lied-to') as d, Liar(rig) as l:
        for n, name in enumerate(LIES, FIRST + 3):
            try:
                lied_to(rig, d, l, 'user%d' % n, *LIES[name])
            except Failed as e:
                wrong.append('%s: %s' % (name, e))
    expect(not wrong, '\n'.join(wrong))


def test_keys_are_being_made(rig):
    """Who is told when to come again does not stay away longer each time."""
    with Device(rig, 'queued') as d, Liar(rig) as l:
        l.lies = [('/kms/keys', liar.later(1))]
        login(d, 'user63')
        wait_for('third refusal', lambda: len(l.told) >= 3)
        waiting(d, 'user63', '503')
        wait = record(d, 'user63')['retry_at'] - time.time()
        expect(wait < 5.5, 'it stays away for %.1f s' % wait)
        l.lies = []
        wait_enrolled(d, 'user63')
        alright(rig, d, 'user63')


def test_other_certificate(rig):
    """For another address, and for another key of this one."""
    enrol(rig, 'user1', 'user51')
    with Device(rig, 'swapped') as d, Liar(rig) as l:
        lied_to(rig, d, l, 'user50', '/cert/',
                liar.body(chain(rig, 'user1')), '')
        lied_to(rig, d, l, 'user51', '/cert/',
                liar.body(chain(rig, 'user51')), '')
        expect(keys(d, 'user51')['sign'] != keys(rig, 'user51')['sign'],
               'the key of another device')


def test_other_bundle(rig):
    """Keys that were sealed to another device."""
    tape = Recorded()
    with Device(rig, 'taped') as a, Device(rig, 'played') as b, \
            Liar(rig) as l:
        l.lies = [('/kms/keys', tape.keep)]
        enrol(a, 'user52')
        lied_to(rig, b, l, 'user52', '/kms/keys', tape.tell, '')
        expect(keys(a, 'user52')['encrypt'] == keys(b, 'user52')['encrypt'],
               'other keys')


# Mail.

def challenges(rig, user):
    """(From, text) of the newest authorization that waits for an answer."""
    return [a for a in rig.store('authz').values()
            if a['mailbox'] == user + DOMAIN and a['status'] == 'pending']


def forge(sender, user, subject):
    return ('From: %s\r\nTo: %s%s\r\nSubject: %s\r\n'
            'Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n'
            'Message-ID: <%s@forger.test>\r\n'
            'Auto-Submitted: auto-generated; type=acme\r\n'
            'MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n'
            'Answer me.\r\n' % (
                sender, user, DOMAIN, subject, os.urandom(8).hex())).encode()


def answers(rig, user):
    """What a user sent to the cloud's addresses."""
    return [rig.text_of(e) for e in rig.submitted()
            if e['from'] == user + DOMAIN and
            any(r.endswith(CA) for r in e['rcpts'])]


def challenge(rig, user):
    """The only mail in somebody's INBOX, as it lies there."""
    c = rig.imap(user, direct=True, readonly=True)
    text = c.fetch('1', '(BODY.PEEK[])')[1][0][1]
    c.logout()
    return text


def test_forged_challenges(rig):
    """Above and below the right one; nothing but that is answered."""
    user = 'user53'
    with Device(rig, 'forged') as d:
        d.fault('proxy.challenge error')        # it does not look yet
        login(d, user)
        sender = wait_for('authorization', lambda: challenges(rig, user))[
            0]['from']
        wait_for('challenge', lambda: inbox(rig, user))
        right = challenge(rig, user)
        token = right.partition(b'ACME: ')[2].split()[0].decode()
        forged = [
            forge(sender, user, 'ACME: ' + token),
            forge('"%s" <mallory@forger.test>' % sender, user, 'ACME: x'),
            forge(sender, user, 'Re: ACME: ' + token),
            # the signature does not match any more
            right.replace(b'\r\n\r\n', b'\r\n\r\nAnd more.\r\n', 1)
            if b'multipart/signed' not in right[:4000] else
            right.replace(b'ACME', b'ACMF').replace(b'ACMF', b'ACME', 1),
        ]
        for mail in forged:
            rig.append(mail, user)
        d.fault()
        again(d, user)
        alright(rig, d, user)
        expect(len(answers(rig, user)) == 1, '%d answers' % len(
            answers(rig, user)))
        expect(len(inbox(rig, user)) == len(forged),
               'INBOX: %r' % inbox(rig, user))


def test_only_forged(rig):
    """While the right one is late the status says what is wrong."""
    user = 'user54'
    rig.upstream_faults({'at': 'rcpt', 'match': user,
                         'reply': '450 4.2.1 Later'})
    try:
        with Device(rig, 'late') as d:
            login(d, user)
            sender = wait_for('authorization', lambda: challenges(
                rig, user))[0]['from']
            rig.append(forge(sender, user, 'ACME: abcdefghijklmnop'), user)
            waiting(d, user, 'challenge mail')
            expect(keys(d, user)['sign'] == [], 'a key')
            expect(answers(rig, user) == [], 'it was answered')
            rig.upstream_faults()
            wait_enrolled(d, user)
            alright(rig, d, user)
            expect(len(inbox(rig, user)) == 1, 'INBOX: %r' % inbox(rig, user))
    finally:
        rig.upstream_faults()


def test_replayed_challenge(rig):
    """A right one again, with no order pending and with another one."""
    user = 'user55'
    with Device(rig, 'replayed') as d:
        d.fault('proxy.challenge error')
        login(d, user)
        wait_for('challenge', lambda: inbox(rig, user))
        old = challenge(rig, user)
        d.fault()
        again(d, user)
        first = keys(d, user)['sign']
        rig.append(old, user)
        login(d, user)
        time.sleep(1)
        expect(len(answers(rig, user)) == 1, 'it was answered again')
        expect(len(inbox(rig, user)) == 1, 'INBOX: %r' % inbox(rig, user))
    with Device(rig, 'replayed-too') as d:
        enrol(d, user)
        alright(rig, d, user)
        expect(keys(d, user)['sign'] != first, 'the same signing key')
        expect(len(answers(rig, user)) == 2, 'answers: %d' % len(
            answers(rig, user)))
        expect(len(inbox(rig, user)) == 1, 'INBOX: %r' % inbox(rig, user))


def test_order_lost(rig):
    """What an order that came to nothing leaves in INBOX goes with the next."""
    user = 'user72'
    with Device(rig, 'lost') as d, Liar(rig) as l:
        l.lies = [('/authz/', liar.text('"valid"', '"invalid"'))]
        login(d, user)
        waiting(d, user, 'invalid')
        expect(len(inbox(rig, user)) == 1, 'INBOX: %r' % inbox(rig, user))
        l.lies = []
        again(d, user)
        alright(rig, d, user)
        expect(inbox(rig, user) == [], 'INBOX: %r' % inbox(rig, user))


def refused(rig, user, reply):
    """The mail server does not take the answer; later it does."""
    rig.upstream_faults({'at': 'rcpt', 'match': CA, 'reply': reply})
    try:
        with Device(rig, 'refused-' + user) as d:
            login(d, user)
            waiting(d, user, 'the answer was refused')
            expect(reply[:3] in record(d, user)['reason'], 'no code')
            expect(keys(d, user)['sign'] == [], 'a key')
            rig.upstream_faults()
            again(d, user)
            alright(rig, d, user)
            expect(inbox(rig, user) == [], 'INBOX: %r' % inbox(rig, user))
    finally:
        rig.upstream_faults()


def test_refused_for_now(rig):
    refused(rig, 'user56', '451 4.7.1 Not now')


def test_refused_for_good(rig):
    refused(rig, 'user57', '550 5.7.1 Not to them')


def test_two_accounts_one_mailbox(rig):
    """Who claims another's mailbox gets nothing; its owner everything."""
    with Device(rig, 'claims', **{'account user58@example.test': {
            'addresses': 'user59@example.test'}}) as d:
        login(d, 'user58')
        login(rig, 'user59')
        wait_enrolled(rig, 'user59')
        alright(rig, rig, 'user59')
        time.sleep(1)
        expect((record(d, 'user59') or {}).get('state') != 'enrolled',
               'enrolled: %r' % record(d, 'user59'))
        found = keys(d, 'user58')
        expect(found['sign'] + found['encrypt'] == [], 'taken: %r' % found)
        expect(len(current(rig, 'user59', time.time())['sign']) == 1,
               'certificates: %r' % prints(rig, 'user59'))


# The disk.

class SmallDisk:
    """A state directory of some megabytes; where we may mount nothing, one
    that a fault point makes as if it were full."""

    def __init__(self, device):
        self.device = device
        self.path = os.path.join(device.dir, 'state')
        self.filler = os.path.join(self.path, 'filler')

    def __enter__(self):
        owner = os.stat(self.path)
        self.mounted = os.geteuid() == 0 and subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=4m,mode=700,uid=%d,gid=%d' %
             (owner.st_uid, owner.st_gid), 'tmpfs', self.path],
            capture_output=True, check=False).returncode == 0
        return self

    def fill(self):
        if not self.mounted:
            self.device.fault('agent.enrol.full error')
            return
        with open(self.filler, 'wb', 0) as f:
            try:
                while True:
                    f.write(b'x' * 4096)
            except OSError:
                pass

    def clear(self):
        self.device.fault()
        if self.mounted:
            os.unlink(self.filler)

    def __exit__(self, *exc):
        if self.mounted:
            subprocess.run(['umount', '-l', self.path], check=False)


def test_disk_full(rig):
    """Full at the first step and in the middle: all comes to its end."""
    d = Device(rig, 'full')
    with SmallDisk(d) as disk, d:
        enrol(d, 'user62')
        disk.fill()
        login(d, 'user60')
        waiting(d, 'user60')
        expect(keys(d, 'user60')['sign'] == [], 'a key')
        disk.clear()
        again(d, 'user60')
        alright(rig, d, 'user60')
        d.fault('proxy.challenge error')
        login(d, 'user61')
        waiting(d, 'user61')
        disk.fill()
        d.fault(*([] if disk.mounted else ['agent.enrol.full error']))
        # What fits into pages that are free is no failure.
        d.ctl('enrol', 'user61' + DOMAIN, check=False)
        print('    a full disk: %r' % record(d, 'user61'))
        disk.clear()
        again(d, 'user61')
        alright(rig, d, 'user61')
        enrol(rig, 'user1')
        for user in ('user60', 'user61'):
            rig.send(letter('full', 'user1', user), 'user1', [user])
            reads(d, user, 'full')
        expect(len(rig.store('account')) > 0 and d.bad_log() == [],
               repr(d.bad_log()))
