"""dlgrun - carries out one dialog against a running daemon.

A lane is a byte stream with a buffer.  Client lanes connect to Waxwing when
they are first used; upstream lanes are what Waxwing connects to.
"""

import base64
import os
import re
import select
import socket
import ssl
import struct
import subprocess
import time

import dlg
from daemon import Failed

CAPS = ('IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT THREAD=REFS '
        'MULTIAPPEND UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED '
        'CONDSTORE QRESYNC ESEARCH MOVE SPECIAL-USE BINARY LITERAL+ '
        'AUTH=PLAIN')
EHLO = 'PIPELINING\nSIZE 157286400\n8BITMIME\nENHANCEDSTATUSCODES\n' \
       'AUTH PLAIN LOGIN'
PASSWORD = 'secret'
QUIET = 0.05        # how long silence must last to be believed
LITERAL_MAX = 64 << 20


class Lane:
    """One end of one connection."""

    def __init__(self, sock, name):
        self.sock = sock
        self.name = name
        self.buf = bytearray()
        self.eof = False

    def fill(self, until):
        """Read some; False when the time is over or the peer has closed."""
        if self.eof:
            return False
        left = until - time.monotonic()
        if left <= 0:
            return False
        self.sock.settimeout(left)
        try:
            got = self.sock.recv(1 << 18)
        except (socket.timeout, ssl.SSLWantReadError):
            return False
        except (ConnectionError, ssl.SSLError):
            got = b''
        if not got:
            self.eof = True
            return False
        self.buf += got
        return True

    def line(self, until):
        """A line without its CRLF, or None."""
        looked = 0
        while True:
            end = self.buf.find(b'\r\n', looked)
            if end >= 0:
                line = bytes(self.buf[:end])
                del self.buf[:end + 2]
                return line
            looked = max(0, len(self.buf) - 1)
            if not self.fill(until):
                return None

    def take(self, count, until):
        """Exactly count bytes, or None."""
        while len(self.buf) < count:
            if not self.fill(until):
                return None
        data = bytes(self.buf[:count])
        del self.buf[:count]
        return data

    def dotted(self, until):
        """An SMTP text up to its dot, unstuffed, or None."""
        self.buf[:0] = b'\r\n'
        looked = 0
        while True:
            end = self.buf.find(b'\r\n.\r\n', looked)
            if end >= 0:
                break
            looked = max(0, len(self.buf) - 4)
            if not self.fill(until):
                return None
        data = bytes(self.buf[:end + 2])
        del self.buf[:end + 5]
        return data.replace(b'\r\n.', b'\r\n')[2:]

    def send(self, data):
        self.sock.settimeout(20)
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise Failed('%s: cannot send: %s' % (self.name, e)) from e

    def tls(self, context, server):
        self.sock.settimeout(20)
        try:
            self.sock = context.wrap_socket(
                self.sock, server_side=server,
                server_hostname=None if server else 'localhost')
        except OSError as e:
            raise Failed('%s: TLS: %s' % (self.name, e)) from e

    def why_none(self):
        if self.eof:
            return 'the connection was closed'
        if self.buf:
            return 'only this came: ' + dlg.show(bytes(self.buf))
        return 'nothing came'

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack('ii', 1, 0))
        try:
            self.sock.close()
        except OSError:
            pass


class Run:
    """One dialog on one daemon.

    bench gives: daemon, ports {imap imaps smtp smtps}, listeners {imap,
    smtp}, client_tls, server_tls, mails, scale (of all time limits).
    """

    def __init__(self, dialog, bench, serial):
        self.d = dialog
        self.bench = bench
        self.ctx = dlg.Context(dialog, bench.mails, serial)
        self.limit = 15.0 * bench.scale
        self.lanes = {}
        self.ctl = None
        self.log_from = len(bench.daemon.log())

    def until(self):
        return time.monotonic() + self.limit

    # Connections.

    def lane(self, letter, conn):
        key = letter + str(conn)
        if key not in self.lanes:
            if letter == 'C':
                self.lanes[key] = self.connect(key)
            else:
                for before in range(1, conn):
                    self.lane('U', before)
                self.lanes[key] = self.accept(key)
        return self.lanes[key]

    def connect(self, key):
        tls = self.d.client == 'tls'
        port = self.bench.ports[self.d.proto + ('s' if tls else '')]
        lane = Lane(socket.create_connection(('127.0.0.1', port), 20), key)
        if tls:
            lane.tls(self.bench.client_tls, False)
        return lane

    def accept(self, key):
        listener = self.bench.listeners[self.d.proto]
        listener.settimeout(self.limit)
        try:
            sock, _ = listener.accept()
        except socket.timeout:
            raise Failed('Waxwing does not connect upstream') from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lane = Lane(sock, key)
        if self.d.upstream == 'tls':
            lane.tls(self.bench.server_tls, True)
        return lane

    # Waiting.

    def wait(self, lane, pattern):
        if pattern.raw is not None:
            self.wait_raw(lane, *pattern.raw)
            return
        line = lane.line(self.until())
        if line is None:
            raise Failed(lane.why_none())
        why = self.follow(lane, pattern, line)
        if why is not None:
            raise Failed(why)

    def follow(self, lane, pattern, line):
        """Match a pattern whose first line has come; None if it does."""
        for i, seg in enumerate(pattern.segments):
            if i > 0:
                line = lane.line(self.until())
                if line is None:
                    return lane.why_none()
            why, count = dlg.match_line(self.ctx, seg, line)
            if why is not None:
                return '%s: %s' % (why, dlg.show(line))
            if seg.literal is None:
                continue
            if count > LITERAL_MAX:
                return 'a literal of %d bytes' % count
            data = lane.take(count, self.until())
            if data is None:
                return 'in the literal: ' + lane.why_none()
            why = dlg.match_octets(self.ctx, *seg.literal, data)
            if why is not None:
                return 'the literal: ' + why
        return None

    def wait_raw(self, lane, kind, arg):
        if kind == 'data':
            data = lane.dotted(self.until())
            if data is None:
                raise Failed(lane.why_none())
            self.judge_data(data, arg.split())
            return
        if kind == 'view':
            raise Failed('<view:> alone: its length is not known')
        want = self.ctx.octets(kind, arg)
        data = lane.take(len(want), self.until())
        if data is None:
            raise Failed(lane.why_none())
        why = dlg.match_octets(self.ctx, kind, arg, data)
        if why is not None:
            raise Failed(why)

    def judge_data(self, data, words):
        """<data WORD...>: what Waxwing sent as a mail."""
        clear = data
        for word in words:
            name, _, arg = word.partition('=')
            if name == 'sealed':
                if b'application/pkcs7-mime' not in \
                        data.split(b'\r\n\r\n')[0].lower():
                    raise Failed('not sealed: ' + dlg.show(data))
            elif name == 'is':
                why = dlg.match_octets(self.ctx, *arg.split(':', 1), data)
                if why is not None:
                    raise Failed(why)
            elif name == 'opens':
                clear = self.bench.mails.opens(data, arg)
                if clear is None:
                    raise Failed('%s cannot open it' % arg)
            elif name == 'shut':
                if self.bench.mails.opens(data, arg) is not None:
                    raise Failed('%s can open it' % arg)
            elif name == 'has':
                if arg.encode() not in clear:
                    raise Failed('no %s in it: %s' % (arg, dlg.show(clear)))
            elif name == 'hasnot':
                if arg.encode() in clear:
                    raise Failed('%s is in it' % arg)
            else:
                raise dlg.Error('<data %s>' % word)

    def wait_any(self, steps):
        """The patterns of an any block, in whatever order they come."""
        todo = [(self.lane('C' if s.kind == 'S' else 'U', s.conn),
                 dlg.Pattern(self.ctx, s.arg), s) for s in steps]
        end = self.until()
        while todo:
            for lane in {id(t[0]): t[0] for t in todo}.values():
                line = lane.line(time.monotonic() + 0.02)
                if line is not None:
                    todo.remove(self.one_of(lane, todo, line))
                elif lane.eof:
                    raise Failed('%s: the connection was closed' % lane.name)
            if todo and time.monotonic() > end:
                raise Failed('still waiting for: ' + '; '.join(
                    t[1].text for t in todo))

    def one_of(self, lane, todo, line):
        for t in todo:
            if t[0] is lane and re.fullmatch(t[1].segments[0].regex, line):
                why = self.follow(lane, t[1], line)
                if why is not None:
                    raise Failed(why)
                return t
        raise Failed('%s: none of the block: %s' % (lane.name,
                                                    dlg.show(line)))

    # The logging in that most dialogs begin with, whatever its order.

    def login(self, user):
        user = user or 'user1@example.test'
        client = self.lane('C', 1)
        play = self.play_imap if self.d.proto == 'imap' else self.play_smtp
        listener = self.bench.listeners[self.d.proto]
        end = time.monotonic() + 2 * self.limit
        state = {'user': user, 'step': 0}
        while not play(client, state):
            if time.monotonic() > end:
                raise Failed('login takes too long')
            wait = [client.sock]
            up = self.lanes.get('U1')
            wait.append(up.sock if up else listener)
            ready, _, _ = select.select(wait, [], [], 0.2)
            if up is None and listener in ready:
                self.lane('U', 1)
                self.greet()
            elif up is not None and (up.sock in ready or up.buf or
                                     pending(up.sock)):
                line = up.line(time.monotonic() + 0.2)
                if line is None and up.eof:
                    raise Failed('Waxwing closed the upstream connection')
                if line is not None:
                    self.answer(up, line)

    def greet(self):
        up = self.lanes['U1']
        if self.d.greeting:
            up.send(self.d.greeting.encode() + b'\r\n')
        elif self.d.proto == 'imap':
            up.send(b'* OK [CAPABILITY %s] ready\r\n' %
                    (self.d.caps or CAPS).encode())
        else:
            up.send(b'220 upstream.example.test ESMTP\r\n')

    def play_imap(self, client, state):
        """The client's side; True when it is logged in."""
        line = client.line(time.monotonic() + 0.02)
        if line is None:
            if client.eof:
                raise Failed('Waxwing closed the connection')
            return False
        if state['step'] == 0:
            if not line.startswith(b'* OK'):
                raise Failed('greeting: ' + dlg.show(line))
            client.send(b'login LOGIN %s %s\r\n' % (
                state['user'].encode(), PASSWORD.encode()))
            state['step'] = 1
        elif line.startswith(b'login '):
            if not line.startswith(b'login OK'):
                raise Failed('login: ' + dlg.show(line))
            return True
        return False

    def play_smtp(self, client, state):
        line = client.line(time.monotonic() + 0.02)
        if line is None:
            if client.eof:
                raise Failed('Waxwing closed the connection')
            return False
        if line[3:4] == b'-':
            return False
        want, then = (
            (b'220', b'EHLO client.example.test\r\n'),
            (b'250', b'AUTH PLAIN ' + base64.b64encode(
                ('\0%s\0%s' % (state['user'], PASSWORD)).encode()) + b'\r\n'),
            (b'235', b''))[state['step']]
        if not line.startswith(want):
            raise Failed('login: ' + dlg.show(line))
        state['step'] += 1
        if then:
            client.send(then)
        return state['step'] == 3

    def answer(self, up, line):
        """The upstream's side of the login."""
        if self.d.proto == 'imap':
            self.answer_imap(up, line)
        else:
            self.answer_smtp(up, line)

    def answer_imap(self, up, line):
        tag, _, rest = line.partition(b' ')
        verb = rest.split(b' ')[0].upper()
        caps = (self.d.caps or CAPS).encode()
        while line.endswith(b'}'):
            count = int(re.search(rb'\{(\d+)\+?\}$', line).group(1))
            if not line.endswith(b'+}'):
                up.send(b'+ go on\r\n')
            up.take(count, self.until())
            line = up.line(self.until()) or b''
        if verb == b'CAPABILITY':
            up.send(b'* CAPABILITY %s\r\n' % caps)
        elif verb == b'ID':
            up.send(b'* ID NIL\r\n')
        elif verb == b'AUTHENTICATE' and len(rest.split(b' ')) == 2:
            up.send(b'+ \r\n')
            up.line(self.until())
        elif verb == b'STARTTLS':
            up.send(tag + b' OK begin\r\n')
            up.tls(self.bench.server_tls, True)
            return
        code = b'[CAPABILITY %s] ' % caps if verb in (
            b'LOGIN', b'AUTHENTICATE') else b''
        up.send(tag + b' OK ' + code + b'done\r\n')

    def answer_smtp(self, up, line):
        verb = line.split(b' ')[0].upper()
        if verb == b'EHLO':
            words = (self.d.caps.replace(', ', '\n') if self.d.caps
                     else EHLO).split('\n')
            if self.d.upstream == 'starttls' and \
                    not isinstance(up.sock, ssl.SSLSocket):
                words.insert(0, 'STARTTLS')
            words.insert(0, 'upstream.example.test')
            last = words.pop()
            up.send(''.join('250-%s\r\n' % w for w in words).encode() +
                    b'250 ' + last.encode() + b'\r\n')
        elif verb == b'STARTTLS':
            up.send(b'220 2.0.0 Go ahead\r\n')
            up.tls(self.bench.server_tls, True)
        elif verb == b'AUTH':
            words = line.split(b' ')
            for _ in range({b'PLAIN': 1, b'LOGIN': 2}.get(
                    words[1].upper(), 0) - (len(words) - 2)):
                up.send(b'334 \r\n')
                up.line(self.until())
            up.send(b'235 2.7.0 Welcome\r\n')
        else:
            up.send(b'250 2.0.0 Ok\r\n')

    # Directives.

    def lane_of(self, arg):
        """C, U2 and the like, or S for C; returns the lane and the rest."""
        m = re.match(r'([CSU])(\d?)\s*(.*)$', arg)
        if not m:
            raise dlg.Error('which lane? ' + arg)
        letter = 'C' if m.group(1) == 'S' else m.group(1)
        return self.lane(letter, int(m.group(2) or 1)), m.group(3)

    def quiet(self, arg):
        if arg.startswith('U') and arg[:2].strip() in ('U', 'U1') and \
                'U1' not in self.lanes:
            self.no_connection(float(arg[2:] or QUIET))
            return
        lane, rest = self.lane_of(arg)
        if lane.fill(time.monotonic() + float(rest or QUIET)) or lane.buf:
            raise Failed('%s is not quiet: %s' % (
                lane.name, dlg.show(bytes(lane.buf))))

    def no_connection(self, seconds):
        listener = self.bench.listeners[self.d.proto]
        ready, _, _ = select.select([listener], [], [], seconds)
        if ready:
            raise Failed('Waxwing connects upstream')

    def closed(self, arg):
        lane, _ = self.lane_of(arg)
        end = self.until()
        while lane.fill(end):
            pass
        if lane.buf:
            raise Failed('%s: before the end came: %s' % (
                lane.name, dlg.show(bytes(lane.buf))))
        if not lane.eof:
            raise Failed('%s is not closed' % lane.name)

    def directive(self, step):
        arg = step.arg
        if step.kind == 'pause':
            time.sleep(float(arg))
        elif step.kind == 'quiet':
            self.quiet(arg)
        elif step.kind in ('close', 'reset'):
            self.lane_of(arg)[0].close(step.kind == 'reset')
        elif step.kind == 'closed':
            self.closed(arg)
        elif step.kind == 'tls':
            lane, _ = self.lane_of(arg)
            server = lane.name.startswith('U')
            lane.tls(self.bench.server_tls if server
                     else self.bench.client_tls, server)
        elif step.kind == 'login':
            self.login(arg)
        elif step.kind == 'timeout':
            self.limit = float(arg) * self.bench.scale
        elif step.kind == 'fault':
            write_file(self.bench.daemon.faults, arg.replace('; ', '\n'))
        elif step.kind == 'clock':
            write_file(self.bench.daemon.clock, arg)
        elif step.kind == 'log':
            self.wait_log(arg)
        elif step.kind == 'stop':
            self.bench.daemon.terminate()
        elif step.kind == 'ctl':
            self.bench.daemon.ctl(*arg.split())
        elif step.kind == 'ctl-begin':
            self.ctl = self.bench.daemon.ctl_begin(*arg.split())
        elif step.kind == 'ctl-end':
            self.ctl_end(arg)
        elif step.kind == 'ctl-until':
            self.ctl_until(*arg.split())
        elif step.kind == 'key':
            self.import_key(*arg.split())

    def ctl_end(self, arg):
        try:
            out = self.ctl.communicate(timeout=self.limit)[0].decode()
        except subprocess.TimeoutExpired as e:
            raise Failed('waxwingctl does not end') from e
        status, _, pattern = arg.partition(' ')
        if self.ctl.returncode != int(status) or not re.search(pattern, out):
            raise Failed('waxwingctl said %d: %s' % (
                self.ctl.returncode, out))

    def ctl_until(self, pattern, *args):
        end = self.until()
        while True:
            out = self.bench.daemon.ctl(*args).stdout.decode()
            if re.search(pattern, out):
                return
            if time.monotonic() > end:
                raise Failed('waxwingctl says: ' + out)
            time.sleep(0.05)

    def import_key(self, user, login):
        pki = self.bench.mails.pki
        self.bench.daemon.ctl(
            'key', 'import', user + '@example.test',
            os.path.join(pki, user + '.encrypt.p12'),
            '--account', login + '@example.test',
            '--passphrase-file', os.path.join(pki, 'passphrase'))

    def wait_log(self, arg):
        end = self.until()
        while not re.search(arg, self.bench.daemon.log()[self.log_from:]):
            if time.monotonic() > end:
                raise Failed('not in the log: ' + arg)
            time.sleep(0.005)   # some faults are to end before the next try

    # The whole.

    def step(self, step):
        if step.kind == 'C':
            self.lane('C', step.conn).send(dlg.send_bytes(self.ctx, step.arg))
        elif step.kind == 'U>':
            self.lane('U', step.conn).send(dlg.send_bytes(self.ctx, step.arg))
        elif step.kind == 'S':
            self.wait(self.lane('C', step.conn),
                      dlg.Pattern(self.ctx, step.arg))
        elif step.kind == 'U<':
            self.wait(self.lane('U', step.conn),
                      dlg.Pattern(self.ctx, step.arg))
        else:
            self.directive(step)

    def steps(self):
        block = None
        for step in self.d.steps:
            try:
                if step.kind == 'any':
                    block = []
                elif step.kind == 'end':
                    self.wait_any(block)
                    block = None
                elif block is not None:
                    block.append(step)
                else:
                    self.step(step)
            except (Failed, OSError) as e:
                raise Failed('%s: %s%s: %s\n    %s' % (
                    step.where, step.kind, step.conn if step.conn > 1 else '',
                    step.arg, e)) from e
            except (dlg.Error, ValueError, KeyError) as e:
                raise dlg.Error('%s: %r' % (step.where, e)) from e

    def go(self):
        """Raises Failed, or dlg.Error if the file itself is wrong."""
        try:
            self.steps()
            self.nothing_left()
        finally:
            for lane in self.lanes.values():
                lane.close()
            if self.ctl is not None:
                self.ctl.kill()
                self.ctl.communicate()
            for name in (self.bench.daemon.faults, self.bench.daemon.clock):
                if os.path.exists(name):
                    os.unlink(name)

    def nothing_left(self):
        """What nobody waited for is a failure too."""
        for lane in self.lanes.values():
            if lane.sock.fileno() < 0:
                continue
            lane.fill(time.monotonic() + QUIET / 2)
            if lane.buf:
                raise Failed('at the end, %s: nobody waited for: %s' % (
                    lane.name, dlg.show(bytes(lane.buf))))


def pending(sock):
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def write_file(path, text):
    with open(path + '.new', 'w', encoding='utf-8') as f:
        f.write(text + '\n')
    os.chmod(path + '.new', 0o644)
    os.rename(path + '.new', path)
