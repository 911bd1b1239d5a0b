"""What clients put into mailboxes: drafts, copies of what was sent, messages
that are moved by reading and appending.  The server gets ciphertext and the
client its own bytes; nothing is lost or doubled when somebody dies.
"""

import calendar
import imaplib
import os
import re
import signal
import smtplib
import subprocess
import threading
import time

from daemon import Failed
from s_1_mail import MARKER, expect, find, last, mail

DRAFT = (b'X-Mozilla-Draft-Info: internal/draft; vcard=0; receipt=0; DSN=0\r\n'
         b'X-Identity-Key: id1\r\nMessage-ID: <draft@example.test>\r\n'
         b'Date: Mon, 2 Nov 2026 12:00:00 +0000\r\nFrom: User One '
         b'<user1@example.test>\r\nTo: user2@example.test\r\n'
         b'Bcc: Hidden <user3@example.test>\r\nSubject: half done ' + MARKER +
         b'\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n'
         b'<p>' + MARKER + b' %d</p>\r\n')


def append(c, box, text, flags=None):
    """Append; returns the UID."""
    ok, data = c.append(box, flags, '"02-Nov-2026 12:00:00 +0000"', text)
    found = re.search(rb'APPENDUID \d+ (\d+)', data[0] or b'')
    expect(ok == 'OK', 'APPEND to %s: %r' % (box, data))
    return found.group(1).decode() if found else None


def boxes(rig, user, *names):
    c = rig.imap(user, direct=True, box=None)
    for name in names:
        c.create(name)
    c.logout()


def read(c, box, uid):
    """A message and its announced size, as the client gets them."""
    expect(c.select(box)[0] == 'OK', 'SELECT ' + box)
    ok, data = c.uid('FETCH', uid, '(RFC822.SIZE FLAGS BODY.PEEK[])')
    expect(ok == 'OK' and data[0] is not None, 'FETCH: %r' % (data,))
    size = int(re.search(rb'RFC822.SIZE (\d+)', data[0][0]).group(1))
    expect(size == len(data[0][1]), 'RFC822.SIZE is %d' % size)
    return data[0][1]


def same(got, want, what):
    if got != want:
        raise Failed('%s came back otherwise: %r, not %r' % (
            what, got[:600], want[:600]))


def stored(rig, user, box, uid):
    """The bytes that the server has."""
    c = rig.imap(user, direct=True, box=box, readonly=True)
    data = c.uid('FETCH', uid, '(BODY.PEEK[])')[1]
    c.logout()
    return data[0][1]


def test_draft(rig):
    """Edited three times, it comes back byte for byte each time."""
    boxes(rig, 'user1', 'Drafts')
    c = rig.imap('user1', box='Drafts')
    before = None
    for i in range(4):
        text = DRAFT % i
        uid = append(c, 'Drafts', text, r'(\Draft \Seen)')
        same(read(c, 'Drafts', uid), text, 'draft %d' % i)
        flags = c.uid('FETCH', uid, '(FLAGS INTERNALDATE)')[1][0]
        expect(rb'\Draft' in flags and time.mktime(
            imaplib.Internaldate2tuple(flags)) == calendar.timegm(
                (2026, 11, 2, 12, 0, 0)), 'not its flags: %r' % flags)
        if before:
            c.uid('STORE', before, '+FLAGS', r'(\Deleted)')
            c.uid('EXPUNGE', before)
        before = uid
    outside = stored(rig, 'user1', 'Drafts', before)
    expect(b'Subject: [...]' in outside and MARKER not in outside and
           b'user3' not in outside, 'the server sees %r' % outside[:400])
    c.logout()
    # Another session, and what is kept is dropped before.
    rig.ctl('cache', 'drop')
    c = rig.imap('user1')
    same(read(c, 'Drafts', before), DRAFT % 3, 'the draft')
    c.logout()


def test_odd_bytes(rig):
    """As Dovecot has them: bare LF, no end of line, no header, 8 bits."""
    boxes(rig, 'user1', 'Drafts', 'Twins')
    c = rig.imap('user1')
    direct = rig.imap('user1', direct=True)
    for text in (b'Subject: a\n\nlines\nof a\r\nkind', b'\r\nno header',
                 b'just words', b'Subject: b\r\n\r\n\xc3\xa9\x80\xff\r\n.\r\n',
                 b'Subject: c\r\n\r\n' + b'x' * 300000):
        # imaplib makes each line end CRLF: say it ourselves.
        twin = put(direct, 'Twins', text)
        uid = put(c, 'Drafts', text)
        direct.select('Twins')
        want = direct.uid('FETCH', twin, '(BODY.PEEK[])')[1][0][1]
        same(read(c, 'Drafts', uid), want, repr(text[:40]))
    direct.logout()
    c.logout()


def put(c, box, text):
    """APPEND of these very bytes, with a non-synchronising literal."""
    tag = c._new_tag()
    c.send(tag + b' APPEND %s {%d+}\r\n' % (box.encode(), len(text)) + text +
           b'\r\n')
    while True:
        line = c.readline()
        if line.startswith(tag):
            break
    found = re.search(rb'OK \[APPENDUID \d+ (\d+)\]', line)
    expect(found, 'APPEND: %r' % line)
    return found.group(1).decode()


def test_reply_and_copy(rig):
    """Read, reply, keep a copy, move both about, to another account too."""
    boxes(rig, 'user1', 'Sent', 'Archive')
    boxes(rig, 'user2', 'Elsewhere')
    rig.send(mail('question', MARKER + b'?\r\n', 'user1@example.test'),
             'user2', ('user1',))
    c = rig.imap('user1')
    uid = find(c, 'question')
    view = read(c, 'INBOX', uid)
    expect(MARKER in view, 'not opened')
    reply = mail('Re-question', b'> ' + MARKER + b'?\r\nyes ' + MARKER,
                 more=b'In-Reply-To: <question@example.test>\r\n')
    rig.send(reply)
    copy = append(c, 'Sent', reply, r'(\Seen)')
    same(read(c, 'Sent', copy), reply, 'the copy')
    # Within the account the server moves it, and knows not what.
    ok, data = c.uid('MOVE', copy, 'Archive')
    expect(ok == 'OK', 'MOVE: %r' % (data,))
    moved = re.search(rb'COPYUID \d+ \S+ (\d+)', b' '.join(
        x for x in c.response('COPYUID')[1] + data if x) or b'')
    there = moved.group(1).decode() if moved else search(c, 'Archive', reply)
    same(read(c, 'Archive', there), reply, 'the moved copy')
    # By hand, as between accounts: the bytes are read and appended.
    other = rig.imap('user2')
    for text, what in ((view, 'the opened mail'), (reply, 'the copy')):
        for d, box in ((c, 'Archive'), (other, 'Elsewhere')):
            uid = append(d, box, text)
            same(read(d, box, uid), text, what + ' in ' + box)
    other.logout()
    c.logout()


def search(c, box, text):
    name = re.search(rb'Message-ID: (\S+)', text, re.I).group(1).decode()
    c.select(box)
    uids = c.uid('SEARCH', 'HEADER', 'Message-ID', name)[1][0].split()
    expect(len(uids) == 1, '%d of %s in %s' % (len(uids), name, box))
    return uids[0].decode()


def test_passes(rig):
    """What is neither passes as it is, with an answer from the server."""
    boxes(rig, 'user1', 'Archive')
    text = mail('import', b'Everybody may read this.\r\n')
    c = rig.imap('user1')
    uid = append(c, 'Archive', text)
    same(read(c, 'Archive', uid), text, 'the import')
    same(stored(rig, 'user1', 'Archive', uid), text, 'on the server it')
    ok, data = c.append('Nowhere', None, None, text)
    expect(ok == 'NO' and b'TRYCREATE' in data[0], 'no box: %r' % (data,))
    c.logout()


def test_sent_in_clear(rig):
    """The copy of what went out in clear, by policy, stays in clear."""
    boxes(rig, 'user1', 'Sent')
    text = mail('public', b'Everybody may read this.\r\n', 'x@plain.test')
    rig.send(text, rcpts=('x@plain.test',))
    c = rig.imap('user1')
    uid = append(c, 'Sent', text)
    same(stored(rig, 'user1', 'Sent', uid), text, 'the copy')
    unsent = text.replace(b'<public', b'<private')
    uid = append(c, 'Sent', unsent)
    expect(b'pkcs7-mime' in stored(rig, 'user1', 'Sent', uid),
           'what nobody knows is not sealed')
    c.logout()


class Sent:
    """While it lasts, [account USER] sent is said."""

    def __init__(self, rig, user, word):
        self.rig = rig
        with open(rig.env['WAXWING_CONF'], encoding='utf-8') as f:
            self.old = f.read()
        head = '[account %s@example.test]\n' % user
        self.new = self.old.replace(head, '%ssent = %s\n' % (head, word))
        expect(self.new != self.old, 'no account %s in the conf' % user)

    def load(self, text):
        before = self.rig.log().count('info reload')
        with open(self.rig.env['WAXWING_CONF'], 'w', encoding='utf-8') as f:
            f.write(text)
        os.kill(int(self.rig.env['WAXWINGD_PID']), signal.SIGHUP)
        self.rig.wait('reload', lambda: self.rig.log().count(
            'info reload') > before)
        self.rig.ctl('status')      # asks all roles: they have it

    def __enter__(self):
        self.load(self.new)

    def __exit__(self, *exc):
        self.load(self.old)


def test_as_sent(rig):
    """[account] sent = as-sent: what the recipients got."""
    boxes(rig, 'user3', 'Sent')
    text = mail('exact', MARKER).replace(b'user1', b'user3')
    with Sent(rig, 'user3', 'as-sent'):
        rig.send(text, 'user3')
        c = rig.imap('user3')
        uid = append(c, 'Sent', text)
        same(stored(rig, 'user3', 'Sent', uid), rig.text_of(
            last(rig, 'exact')[0]), 'the copy')
        expect(MARKER in read(c, 'Sent', uid), 'it does not open')
        c.logout()


def test_suppressed(rig):
    """[account] sent = suppress: the provider keeps its own."""
    boxes(rig, 'user4', 'Sent', 'Drafts')
    text = mail('twice', MARKER).replace(b'user1', b'user4')
    with Sent(rig, 'user4', 'suppress'):
        rig.send(text, 'user4')
        c = rig.imap('user4')
        expect(append(c, 'Sent', text) is None, 'it has a UID')
        expect(c.select('Sent')[1] == [b'0'], 'it was stored')
        kept(rig, c, 'what was not sent', text.replace(b'<twice', b'<never'))
        # Its copy was taken: another one is none.
        kept(rig, c, 'the second copy', text)
        rig.send(text, 'user4')
        kept(rig, c, 'with other recipients',
             text.replace(b'To: user2', b'To: user3'))
        kept(rig, c, 'by another author',
             text.replace(b'From: user4', b'From: user1'))
        kept(rig, c, 'elsewhere', text, 'Drafts')
        for reply in ('451 4.3.0 full', '554 5.7.1 no'):
            text = text.replace(b'<twice', b'<' + reply[:3].encode())
            rig.upstream_faults({'at': 'dot', 'reply': reply, 'count': 1})
            try:
                rig.send(text, 'user4')
            except smtplib.SMTPResponseException:
                kept(rig, c, 'what the provider refused', text)
            else:
                raise Failed('it was taken')
            finally:
                rig.upstream_faults()
        c.logout()


def kept(rig, c, what, text, box='Sent'):
    """The provider has no copy of that: it is stored."""
    uid = append(c, box, text)
    expect(uid and b'pkcs7-mime' in stored(rig, 'user4', box, uid),
           what + ' is not stored, or not sealed')


# kill -9.

POINTS = ('sealer.self', 'sealer.self.answer', 'proxy.append.send',
          'proxy.append.sent', 'proxy.append.answer')
VICTIMS = ('proxy', 'sealer', 'opener', 'imap')


def victims(rig, name):
    if name != 'imap':
        return rig.roles(name)
    with open(os.path.join(rig.dir, 'pid', 'dovecot'),
              encoding='ascii') as f:
        master = f.read().split()[0]
    out = subprocess.run(['ps', '-o', 'pid=,comm=', '--ppid', master],
                         capture_output=True, text=True, check=False).stdout
    return [int(line.split()[0]) for line in out.splitlines()
            if line.split()[1] == 'imap']


class Strike(threading.Thread):
    """At the point, which waits for a moment, kill the victim."""

    def __init__(self, rig, point, victim):
        super().__init__(daemon=True)
        self.rig, self.point, self.victim = rig, point, victim
        self.done = False
        self.before = self.reached()
        self.over = False
        rig.faults(point + ' delay-ms=400')
        self.start()

    def reached(self):
        return self.rig.log().count('fault %s delay-ms' % self.point)

    def run(self):
        while self.reached() == self.before:
            if self.over:
                return
            time.sleep(0.02)
        for pid in victims(self.rig, self.victim):
            try:
                os.kill(pid, signal.SIGKILL)
                self.done = True
            except ProcessLookupError:
                pass
        self.rig.faults()


def connect(rig):
    end = time.monotonic() + 30
    while True:
        try:
            return rig.imap('user1', box='Killed')
        except (imaplib.IMAP4.error, OSError, Failed):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def try_until_stored(rig, text):
    """What a careful client does: look before it tries again."""
    name = re.search(rb'Message-ID: (\S+)', text).group(1).decode()
    for _ in range(20):
        try:
            c = connect(rig)
            if not c.uid('SEARCH', 'HEADER', 'Message-ID', name)[1][0]:
                append(c, 'Killed', text)
            c.logout()
            return
        except (imaplib.IMAP4.error, OSError, Failed):
            time.sleep(0.2)
    raise Failed('it cannot be stored any more')


def test_killed(rig):
    """Nothing is lost and nothing doubled, counted by Message-ID."""
    boxes(rig, 'user1', 'Killed')
    struck = 0
    for point in POINTS:
        for victim in VICTIMS:
            name = b'<%s-%s@killed.test>' % (point.encode(), victim.encode())
            # A view that is moved is sealed in any mailbox.
            text = (b'Waxwing-Status: opened\r\nMessage-ID: ' + name +
                    b'\r\nFrom: user1@example.test\r\n\r\n' + MARKER)
            strike = Strike(rig, point, victim)
            try:
                try_until_stored(rig, text)
            finally:
                rig.faults()
                strike.over = True
                strike.join()
            struck += strike.done
            direct = rig.imap('user1', direct=True, box='Killed')
            uids = direct.uid('SEARCH', 'HEADER', 'Message-ID',
                              name.decode())[1][0].split()
            direct.logout()
            expect(len(uids) == 1, '%s, %s: %d copies' % (
                point, victim, len(uids)))
            c = connect(rig)
            same(read(c, 'Killed', uids[0].decode()), text, name.decode())
            c.logout()
    expect(struck >= len(POINTS) * 3, 'only %d were killed' % struck)
