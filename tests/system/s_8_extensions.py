"""What IMAP extensions give directly at Dovecot they give through Waxwing.

Two pairs of mailboxes with the same contents: a client plays the same script
at one through Waxwing and at the other directly, and what the server says has
to be the same.  In the first pair all mail is plain; in the second every
other one is sealed at Waxwing's side, and its view at Dovecot's.
"""

import re
import socket

from daemon import Failed
from mails import Mails

COUNT = 8
USER = 'user4@example.test'
DATE = '"02-Nov-2026 10:00:%02d +0000"'


class Raw:
    """A bare client."""

    def __init__(self, rig, direct):
        self.sock = socket.create_connection(
            (rig.env['HOST'], rig.port(
                'UPSTREAM_IMAP_PORT' if direct else 'IMAP_PORT')), 60)
        self.file = self.sock.makefile('rb')
        self.file.readline()
        self.count = 0
        self.do('LOGIN %s %s' % (USER, rig.env['PASSWORD']))

    def close(self):
        self.do('LOGOUT')
        self.file.close()
        self.sock.close()

    def response(self):
        out = line = self.file.readline()
        while line.endswith(b'}\r\n') and b'{' in line:
            size = int(line[line.rindex(b'{') + 1:-3])
            out += self.file.read(size)
            line = self.file.readline()
            out += line
        return out

    def do(self, command):
        """What it says unasked, and the condition and code of its answer."""
        self.count += 1
        tag = b't%d' % self.count
        if isinstance(command, str):
            command = command.encode()
        said = []
        try:
            self.sock.sendall(tag + b' ' + command + b'\r\n')
        except OSError:
            return said, (b'closed', None)
        while True:
            try:
                r = self.response()
            except ConnectionError:
                r = b''
            if r == b'':
                return said, (b'closed', None)
            if r.startswith(tag + b' '):
                break
            said.append(r)
        m = re.match(rb'\S+ (\S+)(?: (\[[^]]*\]))?', r)
        return said, (m.group(1), m.group(2))


def plain(i):
    return (b'From: user2@example.test\r\nTo: user4@example.test\r\n'
            b'Subject: extension %d\r\nMessage-ID: <x%d@example.test>\r\n'
            b'MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n'
            b'Body number %d.\r\n' % (i, i, i))


def fill(rig, box, texts):
    c = Raw(rig, True)
    c.do('CREATE ' + box)
    for i, text in enumerate(texts):
        c.do(('APPEND %s (\\Seen) ' % box + DATE % i +
              ' {%d+}\r\n' % len(text)).encode() + text)
    c.close()


def views(rig, box, count=COUNT):
    c = Raw(rig, False)
    c.do('EXAMINE ' + box)
    out = []
    for i in range(count):
        said, _ = c.do('FETCH %d (BODY.PEEK[])' % (i + 1))
        text = next(r for r in said if b' FETCH ' in r[:20])
        out.append(text[text.index(b'}\r\n') + 3:-3])
    c.close()
    return out


def pairs(rig, name):
    """(mailbox at Waxwing, mailbox at Dovecot), twice."""
    mails = Mails(rig.place, rig.env['CERT_DIR'], reader='user4')
    texts = [plain(i) for i in range(COUNT)]
    fill(rig, name + 'P1', texts)
    fill(rig, name + 'P2', texts)
    for i in range(0, COUNT, 2):
        with open('%s/ext%d.eml' % (rig.place, i), 'wb') as f:
            f.write(plain(i).replace(b'\r\n', b'\n'))
        texts[i] = mails.sealed('ext%d' % i)
    fill(rig, name + 'S', texts)
    fill(rig, name + 'T', views(rig, name + 'S'))
    return [(name + 'P1', name + 'P2'), (name + 'S', name + 'T')]


def unmarked(text):
    """Without \\Marked and \\Unmarked (RFC 9051 7.3.1): Dovecot tells them or
    does not, as it happens to know, which is a matter of seconds."""
    word = rb'\\(?:Unm|M)arked'
    return re.sub(word + rb' | ?' + word, b'', text, flags=re.I)


def same(text, box):
    """Without what has to differ: the size of sealed mail on the server, when
    it was stored there, and where a MODSEQ stands that was not asked for."""
    text = re.sub(rb'\bSIZE \d+\)', b'SIZE)', text)
    text = re.sub(rb'\bSAVEDATE "[^"]+"', b'SAVEDATE ""', text)
    m = re.search(rb'MODSEQ \(\d+\)', text)
    if m is not None:
        text = text.replace(b' ' + m.group(0), b'').replace(
            m.group(0) + b' ', b'') + m.group(0)
    text = re.sub(rb'\[UIDVALIDITY \d+\][^\r]*', b'[UIDVALIDITY]', text)
    text = re.sub(rb'\[APPENDUID \d+ ', b'[APPENDUID ', text)
    text = unmarked(text)
    return text.replace(box.encode(), b'BOX') if box else text


def play(rig, direct, box, script, like=same):
    """Lines of the script: "COMMAND" or "2 COMMAND" for a second client;
    BOX is the mailbox, LITERAL too, OTHER no mailbox yet, VALIDITY its
    UIDVALIDITY, Mn a MODSEQ that the nth message had at the start."""
    clients = {'1': Raw(rig, direct), '2': Raw(rig, True)}
    said, _ = clients['2'].do('SELECT %s (CONDSTORE)' % box)
    words = {'BOX': box, 'LITERAL': '{%d+}\r\n%s' % (len(box), box),
             'OTHER': box + 'x', 'VALIDITY': re.search(
                 rb'UIDVALIDITY (\d+)', b''.join(said)).group(1).decode()}
    for i, m in enumerate(re.findall(rb'MODSEQ \((\d+)\)', b''.join(
            clients['2'].do('FETCH 1:* (MODSEQ)')[0]))):
        words['M%d' % (i + 1)] = m.decode()
    out = []
    for line in script:
        who, command = ('2', line[2:]) if line.startswith('2 ') else (
            '1', line)
        command = re.sub(r'\b(BOX|LITERAL|OTHER|VALIDITY|M\d)\b',
                         lambda m: words[m.group(0)], command)
        said, (cond, code) = clients[who].do(command)
        out.append((line, sorted(like(r, box) for r in said), cond,
                    like(code or b'', box)))
    for c in clients.values():
        c.close()
    return out


def exactly(text, _):
    return unmarked(text)


def equal(a, b, box):
    for x, y in zip(a, b):
        if x != y:
            raise Failed('%s, "%s"\n    through Waxwing %r\n'
                         '    directly        %r' % (
                             box, x[0], x[1:], y[1:]))


def compare(rig, name, script):
    for ours, theirs in pairs(rig, name):
        equal(play(rig, False, ours, script), play(rig, True, theirs, script),
              ours)


def test_offered(rig):
    """Of what Dovecot has, all of these; and the others are not offered."""
    found = []
    for direct in False, True:
        c = Raw(rig, direct)
        said, _ = c.do('CAPABILITY')
        c.close()
        found.append(set(said[0].split()[2:]))
    for name in ('LITERAL+ ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS '
                 'QUOTA METADATA SAVEDATE STATUS=SIZE PREVIEW').split():
        for offered in found:
            if name.encode() not in offered:
                raise Failed('%s is not in %r' % (name, offered))
    more = found[0] - found[1]
    if more:
        raise Failed('only Waxwing has %r' % more)


def test_condstore(rig):
    compare(rig, 'Cond', [
        'SELECT BOX (CONDSTORE)',
        'FETCH 1:* (FLAGS MODSEQ)',
        'UID FETCH 1:* (FLAGS BODY.PEEK[])',
        'UID STORE 3,4 (UNCHANGEDSINCE M4) +FLAGS (\\Flagged)',
        'UID STORE 3:6 (UNCHANGEDSINCE M1) +FLAGS (\\Draft)',
        'STORE 1 (UNCHANGEDSINCE 1) FLAGS.SILENT ()',
        'UID FETCH 1:* (FLAGS) (CHANGEDSINCE M8)',
        'UID FETCH 1:* (FLAGS BODY.PEEK[]) (CHANGEDSINCE M8)',
        'FETCH 1:* (BODY.PEEK[TEXT]) (CHANGEDSINCE M8)',
        'FETCH 3:6 FAST (CHANGEDSINCE M8)',
        'FETCH 3:4 (MODSEQ UID FLAGS ENVELOPE) (CHANGEDSINCE 1)',
        'UID FETCH 1:* (RFC822.SIZE BODYSTRUCTURE) (CHANGEDSINCE 999999)',
        '2 UID STORE 5 +FLAGS (\\Answered)',
        'NOOP',
        'FETCH 2:5 (BODY[TEXT])',
        'FETCH 5:6 (FLAGS BODY[TEXT])',
        'STORE 1:2 -FLAGS (\\Seen)',
        'FETCH 1 (BODY[HEADER])',
        'FETCH 2 (BODY[HEADER])',
        'STATUS BOX (SIZE)',
        'UID FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)',
        'UID FETCH 1 (BODY.PEEK[]) (CHANGEDSINCE 1 VANISHED)',
        'FETCH 1 (FLAGS) (CHANGEDSINCE x)',
    ])


def test_qresync(rig):
    compare(rig, 'Resync', [
        'ENABLE CONDSTORE',
        'ENABLE QRESYNC',
        'SELECT BOX (QRESYNC (VALIDITY 1))',
        'UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])',
        '2 UID STORE 3:4 +FLAGS (\\Deleted)',
        'NOOP',
        '2 EXPUNGE',
        'NOOP',
        'FETCH 2:4 (UID BODY.PEEK[TEXT])',
        'UID FETCH 1:8 (FLAGS) (CHANGEDSINCE M8 VANISHED)',
        'UID FETCH 1:* (FLAGS BODY.PEEK[]) (CHANGEDSINCE M8 VANISHED)',
        '2 UID STORE 7:8 +FLAGS (\\Deleted)',
        '2 EXPUNGE',
        'NOOP',
        'UID FETCH 1:* (FLAGS BODY.PEEK[]) (CHANGEDSINCE M8 VANISHED)',
        'UID STORE 1 +FLAGS (\\Deleted)',
        'UID EXPUNGE 1',
        'FETCH 1:2 (UID RFC822.SIZE)',
        'UNSELECT',
        '2 UID STORE 5 +FLAGS (\\Deleted \\Flagged)',
        '2 EXPUNGE',
        'SELECT BOX (QRESYNC (VALIDITY M8))',
        'FETCH 1:* (UID BODY.PEEK[])',
        'SELECT BOX (QRESYNC (VALIDITY M8 1:8))',
        'EXAMINE BOX (QRESYNC (VALIDITY M8 1:8 (1,2 1,2)))',
        'FETCH 1:* (UID ENVELOPE)',
        'SELECT BOX (QRESYNC (1 1))',
        'FETCH 1:* (UID FLAGS)',
        'CLOSE',
    ])


def test_enable(rig):
    compare(rig, 'Enable', [
        'ENABLE CONDSTORE',
        'ENABLE CONDSTORE X-NONE',
        'SELECT BOX',
        'STORE 2:3 +FLAGS.SILENT (\\Flagged)',
        'STORE 2:3 -FLAGS (\\Flagged)',
        'FETCH 1:* (FLAGS BODY.PEEK[TEXT])',
        'SEARCH RETURN (ALL COUNT) MODSEQ 1 TEXT number',
        'UNSELECT',
        'enable qresync X-NONE condstore',
        'SELECT BOX',
        'STORE 4 +FLAGS.SILENT (\\Deleted)',
        'UID EXPUNGE 1:*',
        'FETCH 1:* (UID RFC822.SIZE)',
    ])


def test_literals(rig):
    """LITERAL+, where a string may be."""
    compare(rig, 'Literal', [
        'SELECT LITERAL',
        'SEARCH SUBJECT {9+}\r\nextension BODY {8+}\r\nnumber 4',
        'UID SEARCH CHARSET {5+}\r\nUTF-8 TEXT {1+}\r\n\u00e4',
        'UID SEARCH HEADER {7+}\r\nsubject {0+}\r\n',
        'FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS ({7+}\r\nsubject)])',
        'APPEND BOX (\\Seen) "02-Nov-2026 11:00:00 +0000" '
        '{17+}\r\nSubject: new\r\n\r\nx',
        'UID FETCH 9 (RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[])',
        'STATUS LITERAL (MESSAGES UIDNEXT)',
        'LIST {0+}\r\n LITERAL',
    ])


def test_lists(rig):
    compare(rig, 'Lists', [
        'LIST "" BOX RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UIDNEXT '
        'UNSEEN HIGHESTMODSEQ SIZE))',
        'SUBSCRIBE BOX',
        'LIST (SUBSCRIBED) "" (BOX Sent) RETURN (SPECIAL-USE)',
        'LIST (SPECIAL-USE) "" "*"',
        'LIST (SUBSCRIBED RECURSIVEMATCH) "" "BOX"',
        'UNSUBSCRIBE BOX',
        'NAMESPACE',
        'LIST "" (BOX OTHER) RETURN (STATUS (SIZE MESSAGES UNSEEN))',
        'STATUS BOX (MESSAGES UIDNEXT HIGHESTMODSEQ SIZE)',
        'GETQUOTAROOT BOX',
        'GETQUOTA "User quota"',
        'SETQUOTA "User quota" (STORAGE 5)',
        'GETQUOTA nosuch',
        'SETMETADATA BOX (/private/comment "it is {3}")',
        'GETMETADATA BOX (/private/comment /shared/comment)',
        'GETMETADATA (DEPTH infinity) BOX (/private)',
        'GETMETADATA (MAXSIZE 3) BOX /private/comment',
        'GETMETADATA "" /shared/comment',
        'SETMETADATA OTHER (/private/comment "x")',
        'SETMETADATA BOX (/private/comment {4+}\r\nnew\u00e4)',
        'GETMETADATA BOX /private/comment',
        'SETMETADATA BOX (/private/comment NIL)',
        'GETMETADATA BOX /private/comment',
        'CREATE BOX',
    ])


def test_within(rig):
    compare(rig, 'Within', [
        'EXAMINE BOX',
        'UID SEARCH YOUNGER 3600',
        'UID SEARCH OLDER 100000000',
        'SEARCH UID 2:4 NOT DELETED',
        'SEARCH MODSEQ 1',
        'FETCH 1:* (INTERNALDATE FLAGS)',
        'UID FETCH 2:3 (INTERNALDATE BODY.PEEK[TEXT])',
    ])


def test_savedate(rig):
    compare(rig, 'Saved', [
        'EXAMINE BOX',
        'FETCH 1:* (UID SAVEDATE)',
        'UID FETCH 2:5 (FLAGS SAVEDATE BODY.PEEK[TEXT])',
        'UID SEARCH SAVEDATESUPPORTED',
        'SEARCH SAVEDSINCE 1-Jan-2020',
        'SEARCH SAVEDSINCE 1-Jan-2020 NOT TEXT "number 4"',
        'UID SEARCH SAVEDBEFORE 1-Jan-2020',
        'UID SEARCH OR SAVEDON 1-Jan-2020 SUBJECT "extension 2"',
        'SEARCH SAVEDON x',
    ])


def test_servers_own(rig):
    """What only the server can know, of the same mailbox: byte for byte, also
    where a view was made for the rest."""
    script = [
        'STATUS BOX (SIZE MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)',
        'LIST "" BOX RETURN (STATUS (SIZE HIGHESTMODSEQ UNSEEN))',
        'GETQUOTAROOT BOX',
        'EXAMINE BOX',
        'FETCH 1:* (UID FLAGS INTERNALDATE SAVEDATE MODSEQ)',
        'UID FETCH 3:4 (SAVEDATE INTERNALDATE)',
    ]
    for box, _ in pairs(rig, 'Own'):
        views(rig, box)
        equal(play(rig, False, box, script, exactly),
              play(rig, True, box, script, exactly), box)


def test_renamed(rig):
    """Of a mailbox that is selected, too; and another with its name."""
    compare(rig, 'Renamed', [
        'SELECT BOX',
        'FETCH 1:4 (UID BODY.PEEK[TEXT])',
        'UNSELECT',
        '2 UNSELECT',
        '2 RENAME BOX OTHER',
        'SELECT OTHER',
        'FETCH 1:4 (UID BODY.PEEK[TEXT])',
        'UNSELECT',
        'FETCH 1 (BODY.PEEK[])',
        'CREATE BOX',
        'SELECT BOX',
        'UID FETCH 1:* (BODY.PEEK[])',
        'UNSELECT',
        'DELETE BOX',
        'SELECT BOX',
        'FETCH 1 (BODY.PEEK[])',
        'RENAME OTHER BOX',
        'SELECT BOX',
        'UID FETCH 2:3 (RFC822.SIZE BODY.PEEK[])',
        'DELETE BOX',
        'NOOP',
    ])
    compare(rig, 'Moved', [
        'SELECT BOX',
        'FETCH 1:4 (UID BODY.PEEK[TEXT])',
        'RENAME BOX OTHER',
        'NOOP',
    ])


PLAIN = b'text/plain; charset=utf-8'
HTML = b'text/html; charset=utf-8'
MIXED = b'multipart/mixed; boundary=b'
CHOICE = b'multipart/alternative; boundary=b'

# (Content-Type, body, transfer encoding)
PREVIEWS = [
    (PLAIN, b'Hello  world\n\n next\tline\n'),
    (PLAIN, b'> quoted\n> more\nreal\n'),
    (PLAIN, b'> quoted\n> more\n>> deep\n'),
    (PLAIN, b'one\n> two\nthree\n> four\n'),
    (PLAIN, b'x >y\n > z\n'),
    (PLAIN, b'\n> q\n'),
    (PLAIN, b'x' * 300 + b'\n'),
    (PLAIN, b'x' * 199 + b' yyy\n'),
    (PLAIN, b'x' * 198 + b' yyy\n'),
    (PLAIN, b'word ' * 100 + b'\n'),
    (PLAIN, b'> ' + b'word ' * 100 + b'\n'),
    (PLAIN, b'> ' + b'word ' * 100 + b'\nlast\n'),
    (PLAIN, b'\n'),
    (PLAIN, b' a\n'),
    (PLAIN, b'a b\n'),
    (PLAIN, b'say "hi" \\ there\n'),
    (PLAIN, b'"a" "b" "c" "d"\n'),
    (PLAIN, 'gr\u00fc\u00dfe \u20ac\n'.encode()),
    (PLAIN, '\u00fc'.encode() * 250 + b'\n'),
    (PLAIN, '\ufeffbom \ufeff x\n'.encode()),
    (PLAIN, 'zero\u200bwidth\u00a0nbsp\n'.encode()),
    (PLAIN, b'bad \xff\xfe utf\n'),
    (PLAIN, b'aGVsbG8gYmFzZTY0\n', b'base64'),
    (PLAIN, b'h=C3=BC=\n soft =zz end\n', b'quoted-printable'),
    (PLAIN, b'xx\n', b'x-unknown'),
    (b'text/plain; charset=iso-8859-1', b'gr\xfc\xdfe\n'),
    (b'text/plain; charset=nosuch', b'gr\xfc\xdfe abc\n'),
    (b'text/calendar', b'BEGIN:X\n'),
    (b'image/png', b'AAAA\n', b'base64'),
    (HTML, b'<html><head><title>T</title><style>a{}</style><script>x<y'
     b'</script></head><body><p>One</p><p>Two<br>three <b>bo</b>ld &amp; '
     b'&lt;x&gt; &nbsp;&eacute; &#65;&#x42; &bogus; & a &quot; &euro;'
     b'&hellip;&#8364;</p></body></html>\n'),
    (HTML, b'a<b>b</b>c <!-- comment > x --> d<!doctype x>e\n'),
    (HTML, b'<blockquote>quoted</blockquote> real\n'),
    (HTML, b'<div>x</div>\n<div>y</div>\n> z\n'),
    (HTML, b'<a href="x>y">link</a> <a href=\'p>q\'>l2</a> un<closed\n'),
    (HTML, b'<SCRIPT type="x">a</SCRIPT>b<style>c</style>d\n'),
    (HTML, b'&lt &ampx; &#; &#x; &#xzz; &#99999999; &AMP; x&y;z\n'),
    (HTML, b'<blockquote type=cite>q<blockquote>r</blockquote>s'
     b'</blockquote>\n'),
    (HTML, b'a<blockquote>q</blockquote>b\n'),
    (HTML, b'<blockquote>q\nr<br>s\n\nt</blockquote>\n'),
    (HTML, b'<blockquote>q\nr</blockquote>\n<blockquote>s</blockquote>\n'),
    (HTML, b'<blockquote><p>q &amp; r</p></blockquote><p>x\n'),
    (HTML, b'</blockquote>x<blockquote>\n'),
    (HTML, b'<blockquote>\nr<blockquote>s\nt</blockquote>u\nv</blockquote>w'
     b'\n'),
    (HTML, b'<blockquote>q\nr<b>s</b>t</blockquote>\n'),
    (HTML, b'a<blockquote>q</blockquote>>b\n'),
    (HTML, b'<p>> x\n'),
    (HTML, b'&gt; x\n'),
    (HTML, b'<p>a\n> b</p> c\n'),
    (HTML, b'<blockquotes>q</blockquotes> <scripts>z</scripts> < p>x\n'),
    (MIXED, b'pre\n--b\nContent-Type: image/png\n\nx\n--b\nContent-Type: '
     b'text/plain\n\nfound\n--b--\n'),
    (MIXED, b'--b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n'
     b'--b\n\nouter\n--b--\n'),
    (CHOICE, b'--b\nContent-Type: text/html\n\n<b>html</b>\n--b\n'
     b'Content-Type: text/plain\n\nplain\n--b--\n'),
    (CHOICE, b'--b\nContent-Type: text/calendar\n\ncal\n--b\n'
     b'Content-Type: text/html\n\n<b>html</b>\n--b--\n'),
]


def test_previews(rig):
    """Of plain mail and sealed mail in one FETCH."""
    compare(rig, 'Previews', [
        'EXAMINE BOX',
        'FETCH 1:* (UID PREVIEW)',
        'UID FETCH 1:* (PREVIEW (LAZY))',
        'UID FETCH 2:5 (PREVIEW BODY.PEEK[TEXT])',
        'FETCH 3:2 (PREVIEW (LAZY) FLAGS)',
        'FETCH 1 (PREVIEW (NONE))',
    ])


def test_preview(rig):
    """Made of the view here: what Dovecot makes of the same text."""
    mails = Mails(rig.place, rig.env['CERT_DIR'], reader='user4')
    texts = []
    for i, (kind, body, *cte) in enumerate(PREVIEWS):
        with open('%s/prev%d.eml' % (rig.place, i), 'wb') as f:
            f.write(b'From: user2@example.test\nTo: user4@example.test\n'
                    b'MIME-Version: 1.0\nContent-Type: ' + kind + b'\n' +
                    b''.join(b'Content-Transfer-Encoding: ' + c + b'\n'
                             for c in cte) + b'\n' + body)
        texts.append(mails.sealed('prev%d' % i))
    fill(rig, 'PreviewS', texts)
    fill(rig, 'PreviewT', views(rig, 'PreviewS', len(texts)))
    a, b = Raw(rig, False), Raw(rig, True)
    a.do('SELECT PreviewS')
    b.do('SELECT PreviewT')
    bad = []
    for i, p in enumerate(PREVIEWS):
        for items in ['(UID PREVIEW)', '(PREVIEW FLAGS)']:
            x, y = (c.do('FETCH %d %s' % (i + 1, items)) for c in (a, b))
            if [same(r, '') for r in x[0]] != [
                    same(r, '') for r in y[0]] or x[1] != y[1]:
                bad.append('%r\n    through Waxwing %r\n'
                           '    directly        %r' % (p, x, y))
    said, how = a.do('FETCH 1 PREVIEW (LAZY)')
    if how[0] != b'OK' or len(said) != 1:
        bad.append('lazy: %r %r' % (said, how))
    a.close()
    b.close()
    if bad:
        raise Failed('\n'.join(bad))
