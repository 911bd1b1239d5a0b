"""From nothing but a mail account to sealed mail."""

import base64
import os
import signal
import smtplib
import statistics
import subprocess
import time
import urllib.request
import ssl

from daemon import Failed
from device import enrol, keys, login, record, wait_enrolled, wait_for
from s_1_mail import MARKER, expect, fetch, find, mail, parse

CA = 'ca.example.test'
AT_ONCE = 10            # seconds: who waits for the cloud waits for longer


def inbox(rig, user):
    """The subjects of all mails in INBOX, at Dovecot."""
    c = rig.imap(user, direct=True, readonly=True)
    ok, data = c.search(None, 'ALL')
    found = []
    for number in data[0].split():
        ok, got = c.fetch(number, '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')
        found.append(got[0][1].decode().strip())
    c.logout()
    return found


def letter(subject, sender, to):
    return mail(subject, MARKER + b'\r\n', to + '@example.test').replace(
        b'user1@', sender.encode() + b'@')


def cloud_get(rig, path):
    tls = ssl.create_default_context(cafile=rig.env['CLOUD_CA'])
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=tls))
    with opener.open(rig.env['CLOUD_URL'] + path, timeout=20) as got:
        return got.read()


def openssl(*args, data=None):
    done = subprocess.run(['openssl'] + list(args), input=data,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed('openssl %s: %s%s' % (
            ' '.join(args), done.stdout.decode(), done.stderr.decode()))
    return done.stdout


def test_first(rig):
    """Two logins; then a sealed mail, and no challenge in sight."""
    enrol(rig, 'user1', 'user2')
    for user in ('user1', 'user2'):
        expect(inbox(rig, user) == [], 'INBOX holds %r' % inbox(rig, user))
    rig.send(letter('dawn', 'user1', 'user2'))
    sent = rig.text_of(rig.submitted()[-1])
    expect(b'application/pkcs7-mime' in sent, 'not sealed')
    expect(MARKER not in sent, 'the marker went upstream')
    c = rig.imap('user2')
    view = fetch(c, find(c, 'dawn'))
    c.logout()
    expect(MARKER in view, 'not opened')
    expect(b'signature=good' in view, 'not signed: %r' % view[:600])
    expect(parse(view)['From'].endswith('user1@example.test>') or
           'user1@example.test' in parse(view)['From'], 'wrong From')


def test_openssl(rig):
    """openssl accepts what was issued, and the list of revoked ones."""
    enrol(rig, 'user1')
    place = os.path.join(rig.place, 'issued')
    os.makedirs(place)
    root = rig.env['CLOUD_CA']
    issuing = os.path.join(place, 'issuing.pem')
    with open(issuing, 'wb') as f:
        f.write(openssl('x509', '-inform', 'der', data=cloud_get(rig, '/ca')))
    crl = os.path.join(place, 'crl.pem')
    with open(crl, 'wb') as f:
        f.write(openssl('crl', '-inform', 'der', data=cloud_get(rig, '/crl')))
    openssl('crl', '-in', crl, '-CAfile', issuing, '-noout')
    purposes = set()
    for entry in rig.store('cert').values():
        if entry['mailbox'] != 'user1@example.test':
            continue
        der = base64.urlsafe_b64decode(entry['der'] + '===')
        name = os.path.join(place, 'cert.pem')
        with open(name, 'wb') as f:
            f.write(openssl('x509', '-inform', 'der', data=der))
        text = openssl('x509', '-in', name, '-noout', '-text').decode()
        expect('email:user1@example.test' in text, 'no address: ' + text)
        purpose = ('smimesign' if 'Digital Signature' in text
                   else 'smimeencrypt')
        purposes.add(purpose)
        openssl('verify', '-purpose', purpose, '-x509_strict', '-CAfile',
                root, '-untrusted', issuing, '-CRLfile', crl, '-crl_check',
                name)
    expect(len(purposes) == 2, 'only %r' % purposes)


def test_directory(rig):
    """The directory tells what a sender needs."""
    enrol(rig, 'user2')
    der = cloud_get(rig, '/search?email=user2%40example.test')
    text = openssl('x509', '-inform', 'der', '-noout', '-text',
                   data=der).decode()
    expect('email:user2@example.test' in text, text)
    expect('Key Encipherment' in text, text)


def test_login_not_delayed(rig):
    """A cloud that hangs is nothing that a client could notice."""
    idle = [login(rig, 'user1') for _ in range(9)]
    rig.cloud_signal(signal.SIGSTOP)
    try:
        took = [login(rig, 'user%d' % n) for n in range(11, 20)]
    finally:
        rig.cloud_signal(signal.SIGCONT)
    print('login p50: %.1f ms idle, %.1f ms with a cloud that hangs' % (
        statistics.median(idle) * 1000, statistics.median(took) * 1000))
    expect(max(took) < AT_ONCE, 'a login took %.1f s' % max(took))
    for n in range(11, 20):
        wait_enrolled(rig, 'user%d' % n, 90)


def test_sending_before(rig):
    """Without keys yet: as the policy says, and nothing in between."""
    rig.upstream_faults({'at': 'rcpt', 'match': CA, 'reply': '450 4.2.1 '
                         'Later'})
    try:
        login(rig, 'user3')
        wait_for('refused answer', lambda: 'refused' in (
            record(rig, 'user3') or {}).get('reason', ''))
        rig.send(letter('open', 'user3', 'user4'), 'user3', ['user4'])
        sent = rig.text_of(rig.submitted()[-1])
        expect(MARKER in sent, 'not in clear')
        try:
            rig.send(letter('shut', 'user3', 'user2'), 'user3', ['user2'])
            raise Failed('sent without a key of the sender')
        except smtplib.SMTPRecipientsRefused as e:
            code, text = list(e.recipients.values())[0]
        except smtplib.SMTPResponseException as e:
            code, text = e.smtp_code, e.smtp_error
        expect(code == 451 and b'enrolment is under way' in text,
               '%d %r' % (code, text))
        expect(not any(b'Subject: shut' in rig.text_of(e)
                       for e in rig.submitted()), 'it was sent')
    finally:
        rig.upstream_faults()
    wait_enrolled(rig, 'user3')
    rig.send(letter('later', 'user3', 'user2'), 'user3', ['user2'])
    expect(MARKER not in rig.text_of(rig.submitted()[-1]), 'in clear')
    expect(inbox(rig, 'user3') == [], 'the challenge is still there')


def test_key_export(rig):
    """The encryption keys alone, for other programs."""
    enrol(rig, 'user1')
    out = os.path.join(rig.place, 'user1.p12')
    word = os.path.join(rig.place, 'word')
    with open(word, 'w', encoding='ascii') as f:
        f.write('plumage\n')
    rig.ctl('key', 'export', 'user1@example.test', out, '--passphrase-file',
            word)
    text = openssl('pkcs12', '-in', out, '-passin', 'file:' + word,
                   '-nodes').decode()
    expect(text.count('BEGIN PRIVATE KEY') == 1, 'not one key: ' + text)
    expect(len(keys(rig, 'user1')['encrypt']) == 1, 'more keys')


def test_time_passed(rig):
    """The whole way takes seconds."""
    begin = time.monotonic()
    enrol(rig, 'user5')
    took = time.monotonic() - begin
    print('enrolment: %.2f s' % took)
    expect(took < 60, '%.1f s' % took)
