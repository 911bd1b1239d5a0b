"""One client does not take what belongs to all."""

import os
import socket
import time

from daemon import Failed
from mails import Mails
from s_1_mail import MARKER, mail


def flood(rig, port, line):
    """Say line again and again and read nothing, until nobody listens."""
    with socket.create_connection((rig.env['HOST'], rig.port(port)),
                                  timeout=2) as c:
        c.recv(100)
        block = line * (65536 // len(line))
        sent = 0
        try:
            while sent < 64 << 20:
                sent += c.send(block)
        except socket.timeout:
            return
    raise Failed('%d bytes of commands, and no answer was read' % sent)


def test_answers_unread_smtp(rig):
    """Commands wait while their answers do: they would fill the memory."""
    flood(rig, 'SMTP_PORT', b'NOOP\r\n')


def test_answers_unread_imap(rig):
    flood(rig, 'IMAP_PORT', b'a NOOP\r\n')


def test_views_take_no_descriptors(rig):
    """There may be thousands of views in memory."""
    if os.geteuid() != 0:
        return  # /proc shows it to root only
    for i in range(40):
        rig.send(mail('greedy-%d' % i, MARKER))
    c = rig.imap('user2')
    c.uid('FETCH', '1:*', '(RFC822.SIZE)')
    c.logout()

    def few():
        return all(len(os.listdir('/proc/%d/fd' % pid)) < 40
                   for pid in rig.roles('proxy'))
    rig.wait('fewer descriptors', few)


def test_descriptors(rig):
    """A session takes two descriptors: all that may be had are used."""
    for pid in rig.roles('proxy'):
        with open('/proc/%d/limits' % pid, encoding='ascii') as f:
            soft, hard = next(line.split()[3:5] for line in f
                              if line.startswith('Max open files'))
        if soft != hard:
            raise Failed('%s of %s' % (soft, hard))


def resident(rig):
    """Bytes of the proxy that are its own."""
    total = 0
    for pid in rig.roles('proxy'):
        with open('/proc/%d/status' % pid, encoding='ascii') as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith('RssAnon'))
    return total * 1024


def long_box(rig, name, count):
    """A mailbox of user1 with sealed mails that have long headers."""
    with open(os.path.join(rig.place, name + '.eml'), 'wb') as f:
        f.write(b'From: user2@example.test\nTo: user1@example.test\n' +
                b'X-Long: %s\n' % (b'y' * 70) * 340 +
                b'Subject: long\nContent-Type: text/plain\n\nx\n')
    sealed = Mails(rig.place, rig.env['CERT_DIR']).sealed(name + '/unsigned')
    rig.append(sealed, box=name)
    c = rig.imap(direct=True, box=name)
    for _ in range(count - 1):
        c.copy('1', name)
    c.logout()


def test_long_answers_unread(rig):
    """Of a client that reads nothing so many bytes are kept, not the answers
    for so many messages."""
    long_box(rig, 'long', 60)
    c = rig.imap(box='long')
    c.uid('FETCH', '1:*', '(RFC822.SIZE)')
    before = resident(rig)
    c.send(b'x UID FETCH 1:* (' + b' '.join([b'BODY.PEEK[HEADER]'] * 200) +
           b')\r\n')
    end, most = time.monotonic() + 3, 0
    while time.monotonic() < end:
        most = max(most, resident(rig) - before)
        time.sleep(0.1)
    c.shutdown()
    if most > 100 << 20:
        raise Failed('%d bytes for a client that does not read' % most)
