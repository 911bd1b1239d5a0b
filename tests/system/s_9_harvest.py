"""Who signs his mail gets sealed answers, without any directory."""

import json
import os
import smtplib
import time

from mails import cms, lines64
from s_1_mail import MARKER, expect, last, mail
from s_8_resync import openssl


class Stranger:
    """Somebody with a certificate of an authority that is believed."""

    def __init__(self, rig, name, usage='digitalSignature,keyEncipherment'):
        self.rig = rig
        self.address = name + '@elsewhere.test'
        self.path = os.path.join(rig.place, 'stranger-' + name)
        pki = os.path.dirname(rig.env['CA_FILE'])
        openssl('req', '-x509', '-config', pki + '/req.conf', '-newkey', 'rsa:2048', '-nodes', '-days',
                '30', '-subj', '/CN=' + name, '-CA', pki + '/ca.pem',
                '-CAkey', pki + '/ca.key', '-keyout', self.path + '.key',
                '-out', self.path + '.pem', '-addext',
                'subjectAltName=email:' + self.address, '-addext',
                'subjectKeyIdentifier=hash', '-addext',
                'authorityKeyIdentifier=keyid', '-addext',
                'basicConstraints=critical,CA:FALSE', '-addext',
                'keyUsage=critical,' + usage, '-addext',
                'extendedKeyUsage=emailProtection')

    def signed(self, subject, sender=None):
        entity = b'Content-Type: text/plain\r\n\r\nHello.\r\n'
        der = cms(['-sign', '-binary', '-outform', 'DER', '-md', 'sha256',
                   '-signer', self.path + '.pem', '-inkey',
                   self.path + '.key'], entity)
        return (b'From: ' + (sender or self.address).encode() +
                b'\r\nTo: user2@example.test\r\nSubject: ' +
                subject.encode() +
                b'\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <' +
                subject.encode() + b'@elsewhere.test>\r\n'
                b'MIME-Version: 1.0\r\n'
                b'Content-Type: multipart/signed; micalg=sha-256;'
                b' protocol="application/pkcs7-signature"; boundary=sb\r\n'
                b'\r\n--sb\r\n' + entity + b'\r\n--sb\r\n'
                b'Content-Type: application/pkcs7-signature;'
                b' name=smime.p7s\r\n'
                b'Content-Transfer-Encoding: base64\r\n\r\n' + lines64(der) +
                b'\r\n--sb--\r\n')

    def opens(self, text):
        body = text.split(b'\r\n\r\n', 1)[1]
        der = openssl('base64', '-d', data=body.replace(b'\r', b''))
        return openssl('cms', '-decrypt', '-binary', '-inform', 'DER',
                       '-recip', self.path + '.pem', '-inkey',
                       self.path + '.key', data=der)

    def certs(self):
        done = self.rig.ctl('--json', 'cert', 'list', self.address)
        return json.loads(done.stdout)


def answer(rig, whom, subject, text=MARKER):
    rig.send(mail(subject, text + b'\r\n', to=whom.address), 'user2',
             (whom.address,))
    return rig.text_of(last(rig, subject)[0])


def test_signed_mail(rig):
    """A mail that is signed only passes as it is, and the answer is sealed."""
    whom = Stranger(rig, 'ann')
    text = whom.signed('signed-by-ann')
    rig.append(text, 'user2')
    c = rig.imap('user2')
    data = c.uid('SEARCH', 'SUBJECT', 'signed-by-ann')[1][0].split()
    got = c.uid('FETCH', data[-1].decode(), '(BODY.PEEK[])')[1][0][1]
    expect(got == text, 'the signed mail was changed')
    rig.wait('certificate', lambda: whom.certs())
    cert = whom.certs()[0]
    expect(cert['trust'] == 'harvested' and cert['origin'] == 'signed mail',
           repr(cert))
    sent = answer(rig, whom, 'answer-to-ann')
    c.logout()
    expect(b'application/pkcs7-mime' in sent and MARKER not in sent,
           'not sealed')
    expect(MARKER in whom.opens(sent), 'it does not open')


def test_other_certificate(rig):
    """Another certificate of the same person waits until it is time, or a
    person says so."""
    first = Stranger(rig, 'bob')
    rig.append(first.signed('bob-1'), 'user2')
    c = rig.imap('user2')
    rig.wait('certificate', lambda: first.certs())
    expect(MARKER in first.opens(answer(rig, first, 'to-bob-1')),
           'it does not open')
    second = Stranger(rig, 'bob')
    rig.append(second.signed('bob-2'), 'user2')
    c.noop()
    rig.wait('second certificate', lambda: len(first.certs()) == 2)
    c.logout()
    trusts = {cert['trust']: cert['fingerprint'] for cert in first.certs()}
    expect(sorted(trusts) == ['harvested', 'pending'], repr(first.certs()))
    told = looked_up(rig, first.address)
    expect(told['fingerprint'] == trusts['harvested'] and
           told['pending'] == trusts['pending'] and
           'another certificate' in told['pending_because'], repr(told))
    for wrong in (['ann@elsewhere.test'],
                  [first.address, trusts['harvested']],
                  [first.address, trusts['pending'][:-1]]):
        done = rig.ctl('cert', 'approve', *wrong, check=False)
        expect(done.returncode != 0, 'approved: %r' % wrong)
    rig.ctl('cert', 'approve', first.address, trusts['pending'])
    told = looked_up(rig, first.address)
    expect(told['fingerprint'] == trusts['pending'] and
           told['trust'] == 'manual' and 'pending' not in told, repr(told))
    expect(MARKER in second.opens(answer(rig, first, 'to-bob-2')),
           'it does not open with the second')


def looked_up(rig, address):
    return json.loads(rig.ctl('--json', 'lookup', address).stdout)


def test_not_his(rig):
    """A signature that does not count brings nothing."""
    whom, after = Stranger(rig, 'eve'), Stranger(rig, 'fay')
    c = rig.imap('user2')
    rig.append(whom.signed('eve-as-dan', 'dan@elsewhere.test'), 'user2')
    time.sleep(1)                       # the newest is looked at first
    rig.append(after.signed('fay'), 'user2')
    rig.wait('certificate', lambda: after.certs())
    c.logout()
    expect(not whom.certs(), 'taken: %r' % whom.certs())
    try:
        # In clear, by policy: no text that is looked for on the disk.
        sent = answer(rig, whom, 'answer-to-eve', b'hello eve')
        expect(b'hello eve' in sent, 'sealed to somebody')
    except smtplib.SMTPException:
        pass
