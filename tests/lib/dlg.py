"""dlg - the language of dialog files; tests/dialog/README describes it.

parse() turns a file into a Dialog: its header and a list of steps.  A line of
a lane is a list of items; for sending it becomes bytes (send_bytes), for
waiting a list of segments (pattern), each a regular expression for one line
and what to expect of the literal that follows that line.
"""

import base64
import os
import re

LANE = re.compile(r'(C|S|U)(\d?)(<|>)?: ?(.*)$')
DIRECTIVES = ('use', 'pause', 'quiet', 'close', 'reset', 'closed', 'tls',
              'login', 'timeout', 'fault', 'clock', 'log', 'stop', 'ctl',
              'ctl-begin', 'ctl-end', 'ctl-until', 'key', 'any', 'end')
HEADER = ('proto', 'client', 'upstream', 'conf', 'caps', 'fresh', 'greeting',
          'needs')
RAW = ('text', 'mail', 'sealed', 'view', 'x', 're', 'b64', 'plain', 'fill',
       'len', 'uidv', 'nocrlf', 'data')
LITERAL = ('text', 'mail', 'sealed', 'view', 'fill', 'any', 'own', 'kept')

ITEM = re.compile(
    r'(?P<dots>\.\.\.)|\$(?P<var>[A-Z][A-Z0-9]*)\b'
    r'|<(?P<raw>[a-z0-9]+)(?:(?P<rsep>[: ])(?P<rarg>[^<>]*))?>'
    r'|\{(?P<lit>[a-z]+)(?::(?P<larg>[^{}]*))?\}')


class Error(Exception):
    """The file is wrong: not a failed test but a broken one."""


class Step:
    """kind: a lane (C S U< U>) or a directive; conn: which connection."""

    def __init__(self, where, kind, conn, arg):
        self.where = where
        self.kind = kind
        self.conn = conn
        self.arg = arg


class Dialog:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        self.steps = []
        self.texts = {}
        self.conf = {}
        self.proto = 'imap'
        self.client = 'plain'
        self.upstream = 'plain'
        self.caps = None
        self.greeting = None
        self.fresh = False
        self.needs = []


def read_lines(path):
    with open(path, encoding='utf-8') as f:
        return f.read().split('\n')


def parse(path):
    d = Dialog(path)
    parse_into(d, path, 0)
    return d


def parse_into(d, path, depth):
    text = None
    if depth > 4:
        raise Error('%s: "use" goes round' % path)
    for n, line in enumerate(read_lines(path), 1):
        where = '%s:%d' % (os.path.basename(path), n)
        if text is not None and line.startswith('|'):
            d.texts[text] += line[2:].encode() + b'\r\n'
            continue
        text = None
        line = line.rstrip()
        if not line or line.startswith('#'):
            continue
        lane = LANE.match(line)
        if lane:
            kind = lane.group(1) + (lane.group(3) or '')
            if kind not in ('C', 'S', 'U<', 'U>'):
                raise Error('%s: no such lane: %s' % (where, line))
            d.steps.append(Step(where, kind, int(lane.group(2) or 1),
                                lane.group(4)))
            continue
        word, _, arg = line.partition(' ')
        arg = arg.strip()
        if word == 'text':
            text = arg
            d.texts[text] = b''
        elif word in HEADER:
            header(d, where, word, arg)
        elif word == 'use':
            parse_into(d, find_include(path, arg), depth + 1)
        elif word in DIRECTIVES:
            d.steps.append(Step(where, word, 1, arg))
        else:
            raise Error('%s: cannot read: %s' % (where, line))


def find_include(path, name):
    here = os.path.dirname(path)
    for d in (here, os.path.join(here, 'inc'),
              os.path.join(here, '..', 'inc')):
        full = os.path.join(d, name + '.inc')
        if os.path.exists(full):
            return full
    raise Error('%s: no include %s' % (path, name))


def header(d, where, word, arg):
    if word == 'fresh':
        d.fresh = True
    elif word == 'needs':
        d.needs += arg.split()
    elif word == 'conf':
        m = re.match(r'\[([^]]+)\]\s*(\S+)\s*=\s*(.*)$', arg)
        if not m:
            raise Error('%s: conf [section] key = value' % where)
        d.conf.setdefault(m.group(1), {})[m.group(2)] = m.group(3)
    else:
        setattr(d, word, arg)


class Context:
    """What items refer to while a dialog runs."""

    def __init__(self, dialog, mails, serial):
        self.dialog = dialog
        self.mails = mails
        self.vars = {}
        self.lens = {}
        self.kept = {}
        self.uidv = str(1000 + serial)

    def octets(self, kind, arg):
        """The bytes of an item that stands for itself."""
        if kind == 'text':
            if arg not in self.dialog.texts:
                raise Error('no text %s' % arg)
            return self.dialog.texts[arg]
        if kind == 'mail':
            return self.mails.plain(arg)
        if kind == 'sealed':
            return self.mails.sealed(arg)
        if kind == 'kept':
            return self.kept[arg]
        if kind == 'x':
            return bytes.fromhex(arg)
        if kind == 'b64':
            return base64.b64encode(arg.encode())
        if kind == 'plain':
            user, password = arg.split(':', 1)
            return base64.b64encode(('\0%s\0%s' % (user, password)).encode())
        if kind == 'fill':
            what, count = arg.rsplit(':', 1)
            return what.encode() * int(count)
        if kind == 'uidv':
            return self.uidv.encode()
        raise Error('<%s> cannot be used here' % kind)


def items(text):
    """Split a lane's text into (kind, how, arg): how is raw, lit or ''."""
    at = 0
    for m in ITEM.finditer(text):
        known = (m.group('dots') or m.group('var') or
                 m.group('raw') in RAW or m.group('lit') in LITERAL)
        if not known:
            continue
        if m.start() > at:
            yield 'plain-text', '', text[at:m.start()]
        at = m.end()
        if m.group('dots'):
            yield 'dots', '', '...'
        elif m.group('var'):
            yield 'var', '', m.group('var')
        elif m.group('raw'):
            yield m.group('raw'), 'raw', m.group('rarg') or ''
        else:
            yield m.group('lit'), 'lit', m.group('larg') or ''
    if at < len(text):
        yield 'plain-text', '', text[at:]


def send_bytes(ctx, text):
    """What a C: or U>: line puts on the wire."""
    out = []
    end = b'\r\n'
    parts = list(items(text))
    for kind, how, arg in parts:
        if kind in ('plain-text', 'dots'):
            out.append(arg.encode())
        elif kind == 'var':
            if arg not in ctx.vars:
                raise Error('$%s has not been seen yet' % arg)
            out.append(ctx.vars[arg])
        elif kind == 'nocrlf':
            end = b''
        elif how == 'lit':
            plus = arg.endswith('+')
            data = ctx.octets(kind, arg.rstrip('+'))
            out.append(b'{%d%s}\r\n' % (len(data), b'+' if plus else b''))
            out.append(data)
        else:
            out.append(ctx.octets(kind, arg))
    # A whole mail or text brings its own line end.
    if len(parts) == 1 and parts[0][0] in ('text', 'mail', 'sealed'):
        end = b''
    return b''.join(out) + end


class Segment:
    """One line as a regular expression, then perhaps a literal."""

    def __init__(self):
        self.regex = b''
        self.groups = []    # (variable or length name, is it a length)
        self.literal = None     # (kind, arg)


class Pattern:
    """What a S: or U<: line waits for.

    segments, or raw: a (kind, arg) that stands alone and is no line.
    """

    def __init__(self, ctx, text):
        self.text = text
        self.segments = [Segment()]
        self.raw = None
        parts = list(items(text))
        if len(parts) == 1 and parts[0][1] == 'raw' and \
                parts[0][0] in ('text', 'mail', 'sealed', 'view', 'data'):
            self.raw = (parts[0][0], parts[0][2])
            return
        for kind, how, arg in parts:
            self.add(ctx, kind, how, arg)

    def add(self, ctx, kind, how, arg):
        seg = self.segments[-1]
        if kind == 'plain-text':
            seg.regex += re.escape(arg.encode())
        elif kind == 'dots':
            seg.regex += rb'[^\r\n]*?'
        elif kind == 'var':
            seg.groups.append((arg, False))
            seg.regex += rb'([^ \r\n()\[\]]+)'
        elif kind == 'len':
            seg.groups.append((arg, True))
            seg.regex += rb'(\d+)'
        elif kind == 're':
            seg.regex += b'(?:' + arg.encode() + b')'
        elif how == 'lit':
            seg.regex += rb'\{(\d+)\+?\}'
            seg.literal = (kind, arg)
            self.segments.append(Segment())
        else:
            seg.regex += re.escape(ctx.octets(kind, arg))


def match_line(ctx, seg, line):
    """Match one line.  Returns (why not or None, literal's length)."""
    m = re.fullmatch(seg.regex, line)
    if m is None:
        return 'the line is another', None
    got = dict()
    for i, (name, is_len) in enumerate(seg.groups, 1):
        value = m.group(i)
        known = ctx.lens if is_len else ctx.vars
        value = int(value) if is_len else value
        if known.get(name, value) != value or got.get(name, value) != value:
            return '%s was %r before' % (name, known.get(name)), None
        got[name] = value
    for name, is_len in seg.groups:
        (ctx.lens if is_len else ctx.vars)[name] = got[name]
    count = int(m.group(len(seg.groups) + 1)) if seg.literal else None
    return None, count


def match_octets(ctx, kind, arg, data):
    """Compare a literal or a mail with what was asked for; None if right."""
    if kind == 'any':
        return None
    if kind == 'view':
        if re.fullmatch(ctx.mails.view(arg), data) is None:
            return 'not the view of %s: %s' % (arg, show(data))
        if ctx.lens.setdefault(arg, len(data)) != len(data):
            return 'the view of %s has %d bytes, not %d' % (
                arg, len(data), ctx.lens[arg])
        return None
    if kind == 'own':
        return match_own(ctx, arg, data)
    want = ctx.octets(kind, arg)
    if data != want:
        return difference(want, data)
    return None


OWN = re.compile(rb'Content-Type: message/rfc822\r\n'
                 rb'Content-Transfer-Encoding: binary\r\n'
                 rb'Waxwing-Marker: 1 [A-Za-z0-9+/]{43}=\r\n\r\n')


def match_own(ctx, arg, data):
    """A text that user1 sealed to himself, the name of which is kept."""
    want = ctx.octets('text', arg)
    inner = ctx.mails.opens(data, 'user1')
    if inner is None:
        return 'user1 cannot open it: ' + show(data)
    head = OWN.match(inner)
    if not head:
        return 'no marker in it: ' + show(inner)
    if inner[head.end():] != want:
        return difference(want, inner[head.end():])
    outside = re.findall(rb'^([A-Za-z-]+):', data.split(b'\r\n\r\n')[0],
                         re.MULTILINE)
    more = set(outside) - {b'From', b'Date', b'Message-ID', b'Subject',
                           b'MIME-Version', b'Content-Type',
                           b'Content-Transfer-Encoding',
                           b'Content-Disposition'}
    if more or b'\r\nSubject: [...]\r\n' not in b'\r\n' + data:
        return 'its header tells more than it should: ' + show(data)
    ctx.kept[arg] = data
    return None


def difference(want, got):
    at = 0
    while at < min(len(want), len(got)) and want[at] == got[at]:
        at += 1
    return 'differs at byte %d of %d (%d came): wanted %s, got %s' % (
        at, len(want), len(got), show(want[at:at + 60]),
        show(got[at:at + 60]))


def show(data, limit=600):
    text = data.decode('utf-8', 'backslashreplace')
    text = text.replace('\r\n', '\\r\\n').replace('\n', '\\n')
    return text if len(text) <= limit else text[:limit] + ' [...]'
