"""Several clients on one mailbox, all at once, with everything they have.

Mail comes and goes while others fetch by numbers and UIDs, one command at a
time or many in one go.  Every command has to be answered, no session may end,
and no client may ever see ciphertext.  The commands come from fixed seeds;
how they meet does not.
"""

import os
import random
import socket
import threading
import time

from daemon import Failed, SRC
from mails import Mails

CLIENTS = 4
COMMANDS = 250      # of each client
SESSION = 50        # after so many it comes anew

SETS = ['1:*', '*', '1:3', '2', '1,3,5', '4:2', '7:*', '1:2', '12', '9:40']
ITEMS = ['(FLAGS)', '(UID RFC822.SIZE FLAGS)', 'BODY.PEEK[]', '(UID BODY[])',
         'ENVELOPE', 'FULL', '(BODYSTRUCTURE BODY.PEEK[HEADER] FLAGS)',
         'BODY.PEEK[]<3.20>', 'RFC822.PEEK',
         '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])', 'BOGUS']


class Client:
    """A bare IMAP client that may pipeline; one with QRESYNC gets VANISHED
    instead of EXPUNGE."""

    def __init__(self, rig, resync):
        self.sock = socket.create_connection(
            (rig.env['HOST'], rig.port('IMAP_PORT')), 60)
        self.file = self.sock.makefile('rb')
        self.count = 0
        self.line()
        self.until(self.send('LOGIN user1@example.test ' +
                             rig.env['PASSWORD']))
        if resync:
            self.until(self.send('ENABLE QRESYNC'))
        self.until(self.send('SELECT Storm'))

    def close(self):
        self.file.close()
        self.sock.close()

    def line(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n') or line.startswith(b'* BYE'):
            raise Failed('the session ended: %r' % line)
        return line

    def response(self):
        out = line = self.line()
        while line.endswith(b'}\r\n') and b'{' in line:
            size = int(line[line.rindex(b'{') + 1:-3])
            out += self.file.read(size)
            line = self.line()
            out += line
        if b' FETCH ' in out[:20] and b'enveloped-data' in out:
            raise Failed('ciphertext: %r' % out[:200])
        return out

    def send(self, command):
        self.count += 1
        tag = 't%d' % self.count
        if isinstance(command, str):
            command = command.encode()
        self.sock.sendall(tag.encode() + b' ' + command + b'\r\n')
        return tag.encode()

    def until(self, *tags):
        tags = set(tags)
        while tags:
            tags.discard(self.response().split(b' ', 1)[0])

    def idle(self, seconds):
        tag = self.send('IDLE')
        while not self.response().startswith(b'+'):
            pass
        time.sleep(seconds)
        self.sock.sendall(b'DONE\r\n')
        self.until(tag)


def command(rng, mails, resync):
    dice = rng.random()
    uid = rng.choice(['', 'UID '])
    if dice < .6:
        return '%sFETCH %s %s%s' % (
            uid, rng.choice(SETS), rng.choice(ITEMS), rng.choice(
                ['', ' (CHANGEDSINCE %d%s)' % (
                    rng.randint(1, 200), ' VANISHED' if uid else '')])
            if resync else '')
    if dice < .7:
        return '%sSTORE %s %s' % (uid, rng.choice(SETS), rng.choice(
            ['+FLAGS (\\Deleted)', 'FLAGS (\\Seen)']))
    if dice < .75:
        return 'EXPUNGE'
    if dice < .8:
        return uid + 'SEARCH ALL'
    if dice < .84:
        return 'NOOP'
    if dice < .86:
        return 'SELECT Storm'
    mail = rng.choice(mails)
    return b'APPEND Storm {%d+}\r\n' % len(mail) + mail


def client(rig, number, mails, failed):
    rng = random.Random(number)
    done = 0
    try:
        while done < COMMANDS and not failed:
            resync = rng.random() < .5
            c = Client(rig, resync)
            for _ in range(SESSION):
                dice = rng.random()
                if dice < .05:
                    c.idle(rng.random() * .05)
                many = rng.randint(2, 5) if dice > .75 else 1
                c.until(*[c.send(command(rng, mails, resync))
                          for _ in range(many)])
                done += many
            c.close()
    except (Failed, OSError) as e:
        failed.append('client %d after %d commands: %s' % (number, done, e))


def test_storm(rig):
    """No command unanswered, no session ended, no ciphertext shown."""
    m = Mails(os.path.join(SRC, 'tests', 'dialog', 'mail'),
              rig.env['CERT_DIR'])
    mails = [m.sealed('simple'), m.sealed('simple/unsigned'),
             m.sealed('attachment'),
             b'From: a@example.test\r\nSubject: plain\r\n\r\nHello\r\n']
    for mail in mails:
        rig.append(mail, 'user1', 'Storm')
    failed = []
    threads = [threading.Thread(target=client, args=(rig, i, mails, failed))
               for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise Failed('; '.join(failed))
