"""A large sealed mail read in pieces, as Thunderbird does."""

import base64
import os
import re

from daemon import Failed
from mails import Mails, split_mail

PIECE = 65536
SIZE = 5 * 1024 * 1024


def make(rig, name, size):
    """A mail with so many bytes, written where Mails looks for it."""
    body = base64.encodebytes(os.urandom(size * 3 // 4))
    with open(os.path.join(rig.place, name + '.eml'), 'wb') as f:
        f.write(b'From: user2@example.test\nTo: user1@example.test\n'
                b'Subject: ' + name.encode() + b'\nMessage-ID: <' +
                name.encode() + b'@example.test>\nMIME-Version: 1.0\n'
                b'Content-Type: application/octet-stream; name=x.bin\n'
                b'Content-Transfer-Encoding: base64\n\n' + body)


def piece(session, uid, at):
    ok, data = session.uid('FETCH', uid, '(BODY.PEEK[]<%d.%d>)' % (
        at, PIECE))
    if ok != 'OK' or not isinstance(data[0], tuple):
        raise Failed('FETCH <%d>: %r' % (at, data))
    if b'BODY[]<%d>' % at not in data[0][0]:
        raise Failed('not the origin that was asked for: %r' % data[0][0])
    return data[0][1]


def test_pieces(rig):
    """The pieces joined are the view, though others evict it midway."""
    make(rig, 'large', SIZE)
    make(rig, 'other', SIZE)
    mails = Mails(rig.place, rig.env['CERT_DIR'])
    uid = str(rig.append(mails.sealed('large'), 'user1', 'Pieces'))
    other = str(rig.append(mails.sealed('other'), 'user1', 'Pieces'))
    c = rig.imap('user1', box='Pieces')
    d = rig.imap('user1', box='Pieces')
    size = int(re.search(rb'RFC822.SIZE (\d+)', c.uid(
        'FETCH', uid, '(RFC822.SIZE)')[1][0]).group(1))
    got = b''
    while True:
        part = piece(c, uid, len(got))
        got += part
        if len(part) < PIECE:
            break
        if len(got) in (PIECE * 20, PIECE * 50):
            d.uid('FETCH', other, '(BODY.PEEK[])')
    c.logout()
    d.logout()
    if len(got) != size:
        raise Failed('%d bytes, RFC822.SIZE %d' % (len(got), size))
    if re.fullmatch(mails.view('large'), got) is None:
        raise Failed('not the view')
    outer, entity = split_mail(mails.plain('large'))
    if not got.endswith(outer + entity):
        raise Failed('not the mail')
