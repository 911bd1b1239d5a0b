"""Mail clients that people use, each at sealed mail through Waxwing and at the
plain twins of it directly: what they have in the end must be the same.
"""

import base64
import glob
import os
import pty
import re
import select
import shutil
import subprocess
import time

from daemon import Failed
from mails import Mails
from s_1_mail import MARKER, expect, find, mail

USER = 'user3'
LOGIN = USER + '@example.test'
HIDDEN = b'x' * len(MARKER)
ATTACHED = bytes(range(256)) * 20


def lines64(data):
    return base64.encodebytes(data).replace(b'\n', b'\r\n')


def plain(i):
    """Mail of several kinds, the marker in each."""
    head = (b'From: Writer <user2@example.test>\r\n'
            b'To: user3@example.test\r\nSubject: client %d\r\n'
            b'Date: Mon, 2 Nov 2026 10:00:%02d +0000\r\n'
            b'Message-ID: <client%d@example.test>\r\nMIME-Version: 1.0\r\n'
            % (i, i, i))
    text = b'Body number %d, %s.\r\n\r\nFrom here on.\r\n' % (i, MARKER)
    if i % 3 == 0:
        return head + (b'Content-Type: text/plain; charset=us-ascii\r\n\r\n' +
                       text)
    if i % 3 == 1:
        return head + (b'Content-Type: text/plain; charset=utf-8\r\n'
                       b'Content-Transfer-Encoding: base64\r\n\r\n' +
                       lines64(text + 'Gefieder-\u00e4\r\n'.encode()))
    return head + (b'Content-Type: multipart/mixed; boundary=xx\r\n\r\n--xx\r\n'
                   b'Content-Type: text/plain\r\n\r\n' + text +
                   b'--xx\r\nContent-Type: application/octet-stream\r\n'
                   b'Content-Disposition: attachment; filename=blob\r\n'
                   b'Content-Transfer-Encoding: base64\r\n\r\n' +
                   lines64(ATTACHED) + b'--xx--\r\n')


def hide(text):
    """With another word, as long, for the marker: the twins lie in clear on
    the server, and nobody shall take them for a leak."""
    def block(m):
        try:
            data = base64.b64decode(m.group(0))
        except ValueError:
            return m.group(0)
        if MARKER not in data:
            return m.group(0)
        eol = b'\r\n' if b'\r' in m.group(0) else b'\n'
        return base64.encodebytes(data.replace(MARKER, HIDDEN)).replace(
            b'\n', eol)
    text = re.sub(rb'(?m)(^[A-Za-z0-9+/]{76}\r?\n)*^[A-Za-z0-9+/]{4,76}={0,2}'
                  rb'\r?\n', block, text)
    return text.replace(MARKER, HIDDEN)


def pair(rig, name, count):
    """Mailboxes NAME, sealed, and NAMETwin, with the views of it."""
    mails = Mails(rig.place, rig.env['CERT_DIR'], reader=USER)
    for i in range(count):
        with open('%s/client%d.eml' % (rig.place, i), 'wb') as f:
            f.write(plain(i))
        rig.append(mails.sealed('client%d' % i), USER, name)
    c = rig.imap(USER, box=name, readonly=True)
    for i in range(count):
        view = c.fetch(str(i + 1), '(BODY.PEEK[])')[1][0][1]
        expect(MARKER in view or i % 3 == 1, 'not opened: %r' % view[:300])
        rig.append(hide(view), USER, name + 'Twin')
    c.logout()


def create(rig, *names):
    c = rig.imap(USER, direct=True, box=None)
    for name in names:
        c.create(name)
    c.logout()


def place(rig, name):
    path = os.path.join(rig.place, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def run(args, **more):
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120, check=False, **more)
    expect(done.returncode == 0, '%s: %s %s' % (
        args[0], done.stdout[-600:], done.stderr[-1000:]))
    return done.stdout


# mbsync.

STORE = '''
IMAPAccount {name}
Host localhost
Port {port}
User {login}
Pass {password}
SSLType IMAPS
SystemCertificates no
CertificateFile {ca}

IMAPStore {name}-far
Account {name}

MaildirStore {name}-near
Path {top}/{name}/
Inbox {top}/{name}/INBOX

'''

CHANNEL = '''Channel {name}-{box}
Far :{name}-far:{far}
Near :{name}-near:{box}
Create Near
Expunge Both
Sync All
SyncState *

'''

# (here, at Waxwing, at Dovecot)
PAIRS = [('Sync', 'Sync', 'SyncTwin'), ('Drafts', 'Drafts', 'DraftsTwin')]


class Mbsync:
    def __init__(self, rig):
        self.top = place(rig, 'mbsync')
        self.conf = os.path.join(self.top, 'conf')
        with open(self.conf, 'w', encoding='ascii') as f:
            for name, port in (('ours', 'IMAPS_PORT'),
                               ('theirs', 'UPSTREAM_IMAPS_PORT')):
                os.mkdir(os.path.join(self.top, name))
                f.write(STORE.format(
                    name=name, port=rig.port(port), login=LOGIN,
                    password=rig.env['PASSWORD'], ca=rig.env['CA_FILE'],
                    top=self.top))
                for box, ours, theirs in PAIRS:
                    f.write(CHANNEL.format(
                        name=name, box=box,
                        far=ours if name == 'ours' else theirs))

    def sync(self):
        run(['mbsync', '-c', self.conf, '-a'],
            env=dict(os.environ, HOME=self.top))

    def files(self, side, box):
        return sorted(glob.glob('%s/%s/%s/[cn]*/*' % (self.top, side, box)))

    def contents(self, side, box):
        """[(flags, bytes)], without the field that mbsync adds for itself."""
        found = []
        for path in self.files(side, box):
            with open(path, 'rb') as f:
                text = re.sub(rb'(?m)^X-TUID: .*\r?\n', b'', f.read())
            flags = path.rpartition(':2,')[2] if ':2,' in path else ''
            found.append((flags, hide(text)))
        return sorted(found, key=lambda f: f[1])

    def same(self, what, *counts):
        for (box, _, _), count in zip(PAIRS, counts):
            ours = self.contents('ours', box)
            theirs = self.contents('theirs', box)
            expect(len(theirs) == count and len(ours) == count,
                   '%s, %s: %d and %d messages' % (
                       what, box, len(ours), len(theirs)))
            for a, b in zip(ours, theirs):
                expect(a == b, '%s, %s: %r is not %r' % (what, box, a, b))

    def flag(self, number, flags):
        """As a mail reader marks a file."""
        for side in 'ours', 'theirs':
            for path in self.files(side, 'Sync'):
                with open(path, 'rb') as f:
                    if b'<client%d@' % number not in f.read():
                        continue
                base = os.path.basename(path).partition(':2,')[0]
                os.rename(path, '%s/%s/Sync/cur/%s:2,%s' % (
                    self.top, side, base, flags))

    def write(self, text):
        """Put a draft there, in place of any other."""
        for side in 'ours', 'theirs':
            for path in self.files(side, 'Drafts'):
                os.remove(path)
            path = '%s/%s/Drafts/cur/%d.new:2,DS' % (
                self.top, side, time.time_ns())
            with open(path, 'wb') as f:
                f.write(text if side == 'ours' else hide(text))


def flags_of(rig, box):
    """At the server, by Message-ID."""
    c = rig.imap(USER, direct=True, box=box, readonly=True)
    data = c.fetch('1:*', '(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])')[1]
    c.logout()
    return {d[1].strip(): sorted(
        set(re.search(rb'FLAGS \(([^)]*)\)', d[0]).group(1).split()) -
        {rb'\Recent'}) for d in data if isinstance(d, tuple)}


def change_at_server(rig, direct, box):
    c = rig.imap(USER, direct=direct, box=box)
    for number, flags in ((5, r'(\Answered)'), (6, r'(\Deleted)')):
        uid = c.uid('SEARCH', 'HEADER', 'Message-ID',
                    '<client%d@' % number)[1][0].decode()
        c.uid('STORE', uid, '+FLAGS', flags)
    c.expunge()
    c.logout()


def test_mbsync(rig):
    """Both ways: new mail, flags, deletions, drafts; byte for byte."""
    pair(rig, 'Sync', 9)
    create(rig, 'Drafts', 'DraftsTwin')
    m = Mbsync(rig)
    m.sync()
    m.same('first', 9, 0)
    draft = (b'From: user3@example.test\nTo: user2@example.test\n'
             b'Bcc: user4@example.test\nX-Mozilla-Draft-Info: internal/draft\n'
             b'Subject: to be %s\nMessage-ID: <clientd@example.test>\n\n'
             b'unfinished %s\n' % (MARKER, MARKER))
    m.flag(1, 'S')
    m.flag(2, 'FS')
    m.flag(3, 'ST')
    m.write(draft)
    m.sync()
    m.same('changed here', 8, 1)
    expect(flags_of(rig, 'Sync') == flags_of(rig, 'SyncTwin'),
           'flags: %r' % flags_of(rig, 'Sync'))
    change_at_server(rig, False, 'Sync')
    change_at_server(rig, True, 'SyncTwin')
    for i in range(3):
        m.write(draft + b'edited %d\n' % i)
        m.sync()
        m.same('changed there', 7, 1)
    # All of it once more, by a client that has nothing yet.
    m = Mbsync(rig)
    m.sync()
    m.same('anew', 7, 1)
    expect(all(b'edited 2' in t for _, t in m.contents('ours', 'Drafts')),
           'not the last draft')


# neomutt.

RC = '''
set folder = "imaps://localhost:{port}/"
set spoolfile = "imaps://localhost:{port}/{box}"
set imap_user = "{login}"
set imap_pass = "{password}"
set imap_authenticators = "login"
set ssl_ca_certificates_file = "{ca}"
set certificate_file = "{ca}"
set header_cache = "{top}/cache"
set mbox_type = mbox
set quit = yes
set sleep_time = 0
set wait_key = no
set timeout = 1
set record = ""
set beep = no
unset confirmappend
unset confirmcreate
unset mark_old
unset move
unset wrap_search
'''


class Neomutt:
    def __init__(self, rig, name, port, box):
        self.top = place(rig, 'neomutt-' + name)
        self.rc = os.path.join(self.top, 'rc')
        with open(self.rc, 'w', encoding='ascii') as f:
            f.write(RC.format(login=LOGIN, port=rig.port(port), box=box,
                              password=rig.env['PASSWORD'],
                              ca=rig.env['CA_FILE'], top=self.top))

    def play(self, keys, limit=90):
        """Start it in a terminal, press keys, and wait until it ends."""
        pid, master = pty.fork()
        if pid == 0:
            os.environ.update(HOME=self.top, TERM='vt100', LC_ALL='C.UTF-8')
            os.chdir(self.top)
            os.execvp('neomutt', ['neomutt', '-n', '-F', self.rc,
                                  '-e', "push '%s<exit>'" % keys])
        screen = b''
        end = time.monotonic() + limit
        while True:
            if time.monotonic() > end:
                os.kill(pid, 9)
            if select.select([master], [], [], 0.2)[0]:
                try:
                    screen += os.read(master, 65536)
                except OSError:
                    break
        os.close(master)
        status = os.waitpid(pid, 0)[1]
        expect(status == 0, 'neomutt ends with %d: %r' % (
            status, screen[-2500:]))

    def copies(self, pattern, name):
        """All messages that a pattern finds, copied to an mbox, without what
        neomutt adds."""
        path = os.path.join(self.top, name)
        self.play('<tag-pattern>%s<enter><tag-prefix-cond><copy-message>'
                  '%s<enter><end-cond>' % (pattern, path))
        if not os.path.exists(path):
            return []
        with open(path, 'rb') as f:
            texts = re.split(rb'(?m)^From \S+ +[MTWFS].*\n', f.read())[1:]
        return [hide(re.sub(rb'(?m)^(Status|Lines|Content-Length): .*\n', b'',
                            t)) for t in texts]


def test_neomutt(rig):
    """Headers, new and from the cache, searches here and at the server,
    attachments: all as with the twins."""
    pair(rig, 'Read', 6)
    clients = [Neomutt(rig, 'ours', 'IMAPS_PORT', 'Read'),
               Neomutt(rig, 'theirs', 'UPSTREAM_IMAPS_PORT', 'ReadTwin')]
    for number, (pattern, count) in enumerate([
            ('~A', 6), ('~b "number 4"', 1), ('=b "number 4"', 1),
            ('~s "client [24]"', 2), ('=/ nowhere', 0), ('~z 2000-', 2)]):
        ours, theirs = [m.copies(pattern, 'found%d' % number)
                        for m in clients]
        expect(len(theirs) == count, '%s: %d' % (pattern, len(theirs)))
        expect(ours == theirs, '%s: %r is not %r' % (pattern, ours, theirs))
    for m in clients:
        expect(os.path.exists(os.path.join(m.top, 'cache')), 'no cache')
        blob = os.path.join(m.top, 'blob')
        m.play('<search>~s "client 2"<enter><view-attachments><last-entry>'
               '<save-entry><kill-line>%s<enter><exit>' % blob)
        with open(blob, 'rb') as f:
            expect(f.read() == ATTACHED, 'not the attachment')


# curl.

def curl(rig, what, *args, direct=False):
    return run(['curl', '-sS', '--cacert', rig.env['CA_FILE'], '--noproxy',
                '*', '-u', '%s:%s' % (LOGIN, rig.env['PASSWORD']),
                'imaps://localhost:%d/%s' % (
                    rig.port('UPSTREAM_IMAPS_PORT' if direct
                             else 'IMAPS_PORT'), what)] + list(args))


def test_curl(rig):
    """FETCH, a part of it, SEARCH, APPEND."""
    pair(rig, 'Curl', 3)
    for what in (';UID=2', ';UID=3;SECTION=2', ';MAILINDEX=1;SECTION=HEADER',
                 '?SUBJECT%20client', '?BODY%20number', '?LARGER%20900',
                 ';UID=3;SECTION=1.MIME'):
        a = curl(rig, 'Curl' + what)
        b = curl(rig, 'CurlTwin' + what, direct=True)
        expect(b and hide(a) == b, '%s: %r is not %r' % (what, a, b))
    create(rig, 'Drafts')
    path = os.path.join(rig.place, 'draft')
    text = mail('curled', MARKER + b'\r\n')
    with open(path, 'wb') as f:
        f.write(text)
    curl(rig, 'Drafts', '-T', path)
    c = rig.imap(USER, box='Drafts')
    uid = find(c, 'curled')
    c.logout()
    expect(curl(rig, 'Drafts;UID=' + uid) == text, 'not the draft')


# imaplib.

def script(c, box):
    """A session as somebody's script has it."""
    c.create(box + 'Copy')
    out = [c.search(None, 'TEXT', 'number'),
           c.sort('REVERSE SUBJECT', 'UTF-8', 'ALL'),
           c.thread('REFERENCES', 'UTF-8', 'ALL'),
           c.uid('FETCH', '1:*', '(RFC822.SIZE BODYSTRUCTURE)'),
           c.fetch('2', '(RFC822)'),
           c.store('2', '+FLAGS', r'(\Flagged)'),
           c.copy('2:3', box + 'Copy')[0],
           c.copy('1', box + 'Nowhere')[0],
           c.select(box + 'Copy')]
    out += [c.fetch(str(i), '(FLAGS BODY[])') for i in (1, 2)]
    c.select(box)
    out += [c.store('1', '+FLAGS', r'(\Deleted)'), c.expunge(),
            c.search(None, 'ALL'), c.status(box + 'Copy', '(MESSAGES)')]
    c.logout()
    return out


def printed(value):
    """Bytes hidden, whatever they lie in."""
    if isinstance(value, bytes):
        return re.sub(rb'Script(Twin)?', b'BOX', hide(value))
    if isinstance(value, (tuple, list)):
        return [printed(v) for v in value]
    return value


def test_imaplib(rig):
    pair(rig, 'Script', 4)
    ours = printed(script(rig.imap(USER, box='Script'), 'Script'))
    theirs = printed(script(rig.imap(USER, direct=True, box='ScriptTwin'),
                            'ScriptTwin'))
    for a, b in zip(ours, theirs):
        expect(a == b, '%r is not %r' % (a, b))
