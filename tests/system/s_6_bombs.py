"""Sealed mail that is made to burst whoever opens it: each is shown as it is,
within seconds, and the rest of the mailbox stays readable."""

import base64
import os
import time
import zlib

from daemon import Failed
from mails import Mails

SECONDS = 20

# Of these it is the inside that is hostile.
OPENED = ('compressed-inside', 'multiparts', 'parts', 'fields', 'tame')

DATA = '1.2.840.113549.1.7.1'
SIGNED = '1.2.840.113549.1.7.2'
ENVELOPED = '1.2.840.113549.1.7.3'
COMPRESSED = '1.2.840.113549.1.9.16.1.9'
ZLIB = '1.2.840.113549.1.9.16.3.8'
RSA = '1.2.840.113549.1.1.1'
AES = '2.16.840.1.101.3.4.1.42'


def tlv(tag, *parts):
    body = b''.join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def number(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big'))


def oid(text):
    first, second, *rest = (int(x) for x in text.split('.'))
    out = b''
    for n in [first * 40 + second] + rest:
        part = [n & 127]
        while n > 127:
            n >>= 7
            part.insert(0, n & 127 | 128)
        out += bytes(part)
    return tlv(6, out)


def seq(*parts):
    return tlv(0x30, *parts)


def content(kind, body):
    return seq(oid(kind), tlv(0xa0, body))


def recipients(count):
    """EnvelopedData to so many that nobody knows."""
    name = seq(tlv(0x31, seq(oid('2.5.4.3'), tlv(12, b'nobody'))))
    infos = b''.join(
        seq(number(0), seq(name, number(1000 + i)), seq(oid(RSA), tlv(5)),
            tlv(4, bytes(256))) for i in range(count))
    return content(ENVELOPED, seq(
        number(0), tlv(0x31, infos),
        seq(oid(DATA), seq(oid(AES), tlv(4, bytes(16))),
            tlv(0x80, bytes(32)))))


def compressed(data):
    return content(COMPRESSED, seq(
        number(0), seq(oid(ZLIB)),
        seq(oid(DATA), tlv(0xa0, tlv(4, zlib.compress(data, 9))))))


def layers(count):
    """SignedData without signers, one in the other."""
    inner = b'Content-Type: text/plain\r\n\r\nx\r\n'
    kind = DATA
    for _ in range(count):
        inner = seq(number(1), tlv(0x31), seq(
            oid(kind), tlv(0xa0, tlv(4, inner))), tlv(0x31))
        kind = SIGNED
    return seq(oid(SIGNED), tlv(0xa0, inner))


def announced(size):
    """The outermost length says so, and the mail is short."""
    return b'\x30\x84' + size.to_bytes(4, 'big') + recipients(1)[4:]


def bare(count):
    """Nothing but openings of SEQUENCEs without a length."""
    return b'\x30\x80' * count


def mail(name, der, kind='enveloped-data'):
    return ('From: user2@example.test\r\nTo: user1@example.test\r\n'
            'Subject: %s\r\nMIME-Version: 1.0\r\nContent-Type: '
            'application/pkcs7-mime; smime-type=%s; name=smime.p7m\r\n'
            'Content-Transfer-Encoding: base64\r\n\r\n' % (
                name, kind)).encode() + base64.encodebytes(der).replace(
                    b'\n', b'\r\n')


def sealed(rig, mails, name, entity):
    """Really encrypted to the reader."""
    with open(os.path.join(rig.place, name + '.eml'), 'wb') as f:
        f.write(b'From: user2@example.test\nTo: user1@example.test\n'
                b'Subject: ' + name.encode() + b'\nMIME-Version: 1.0\n' +
                entity)
    return mails.sealed(name + '/unsigned')


def multiparts(count):
    out = b'Content-Type: text/plain\n\nx\n'
    for i in range(count):
        b = b'b%d' % i
        out = (b'Content-Type: multipart/mixed; boundary=' + b + b'\n\n--' +
               b + b'\n' + out + b'--' + b + b'--\n')
    return out


def parts(count):
    return (b'Content-Type: multipart/mixed; boundary=b\n\n' +
            b'--b\n\nx\n' * count + b'--b--\n')


def fields(count):
    return b'X-Field: y\n' * count + b'Content-Type: text/plain\n\nx\n'


def bombs(rig):
    mails = Mails(rig.place, rig.env['CERT_DIR'])
    yield 'recipients', mail('recipients', recipients(10000))
    yield 'compressed', mail('compressed', compressed(bytes(200 << 20)),
                             'compressed-data')
    yield 'compressed-inside', sealed(
        rig, mails, 'compressed-inside',
        mail('x', compressed(bytes(200 << 20)), 'compressed-data').replace(
            b'\r\n', b'\n').split(b'MIME-Version: 1.0\n', 1)[1])
    yield 'layers', mail('layers', layers(1000), 'signed-data')
    yield 'announced', mail('announced', announced(2 << 30))
    yield 'announced-4', mail('announced-4', announced((4 << 30) - 1))
    yield 'bare', mail('bare', bare(100000))
    yield 'multiparts', sealed(rig, mails, 'multiparts', multiparts(1000))
    yield 'parts', sealed(rig, mails, 'parts', parts(100000))
    yield 'fields', sealed(rig, mails, 'fields', fields(80000))
    yield 'empty', mail('empty', b'')
    yield 'tame', sealed(rig, mails, 'tame',
                         b'Content-Type: text/plain\n\ntame\n')


def test_bombs(rig):
    names = []
    for name, text in bombs(rig):
        rig.append(text, 'user1', 'Bombs')
        names.append(name)
    c = rig.imap('user1', box='Bombs')
    for i, name in enumerate(names):
        start = time.monotonic()
        ok, data = c.fetch(str(i + 1), '(RFC822.SIZE ENVELOPE BODYSTRUCTURE '
                           'BODY.PEEK[HEADER] BODY.PEEK[1])')
        took = time.monotonic() - start
        if ok != 'OK' or data[0] is None:
            raise Failed('%s: %s %r' % (name, ok, data))
        if took > SECONDS:
            raise Failed('%s: %.1f s' % (name, took))
        head = b''.join(d[1] for d in data if isinstance(d, tuple))
        word = b'opened' if name in OPENED else b'unopened'
        if b'Waxwing-Status: ' + word + b';' not in head:
            raise Failed('%s: not %r in %r' % (name, word, head[:500]))
    ok, data = c.fetch('1:*', '(UID RFC822.SIZE)')
    if ok != 'OK' or len(data) != len(names):
        raise Failed('all: %s %r' % (ok, data))
    ok, data = c.fetch(str(len(names)), '(BODY.PEEK[TEXT])')
    if data[0][1] != b'tame\r\n':
        raise Failed('the tame one: %r' % data)
    c.logout()
    for pid in rig.roles('proxy'):
        with open('/proc/%d/status' % pid, encoding='ascii') as f:
            peak = next(int(line.split()[1]) for line in f
                        if line.startswith('VmHWM'))
        if peak > 400 * 1024:
            raise Failed('the proxy took %d KiB' % peak)
