"""One client does not take what belongs to all."""

import os
import socket

from daemon import Failed
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
