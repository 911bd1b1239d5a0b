"""cloudlib - a waxwing-cloudd under test, and devices that talk to it.

Nothing here shares code with src/: JWS are put together by hand and signed by
the openssl tool, CMS is opened by it, the release log is hashed with hashlib.
"""

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import daemon
from daemon import Failed

AUTHSERV = 'mx.cloud.test'


def expect(truth, what):
    if not truth:
        raise Failed(what)


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def unb64u(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def openssl(*args, data=None):
    p = subprocess.run(('openssl',) + args, input=data, capture_output=True)
    expect(p.returncode == 0, 'openssl %s: %s' % (
        ' '.join(args), p.stderr.decode(errors='replace').strip()[-300:]))
    return p.stdout


# Keys.

class Key:
    """A P-256 key in a file."""

    def __init__(self, path, make=True):
        self.path = path
        if make:
            openssl('genpkey', '-algorithm', 'EC', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-out', path)
        point = openssl('pkey', '-in', path, '-pubout', '-outform',
                        'DER')[-64:]
        self.jwk = {'crv': 'P-256', 'kty': 'EC', 'x': b64u(point[:32]),
                    'y': b64u(point[32:])}
        text = json.dumps(self.jwk, sort_keys=True, separators=(',', ':'))
        self.thumbprint = b64u(hashlib.sha256(text.encode()).digest())

    def sign(self, data):
        """r and s, 32 bytes each (RFC 7518 3.4)."""
        der = openssl('dgst', '-sha256', '-sign', self.path, data=data)
        out, at = b'', 2
        for _ in range(2):
            n = der[at + 1]
            out += der[at + 2:at + 2 + n].lstrip(b'\0').rjust(32, b'\0')
            at += 2 + n
        return out


# Mail.

class Sink(socketserver.ThreadingTCPServer):
    """The relay: keeps each mail it is given."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.mails = []
        self.boxes = {}     # by the address in To
        self.news = threading.Condition()
        super().__init__(('127.0.0.1', 0), SinkSession)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait(self, to, count):
        """The count-th mail to an address (the first is 0)."""
        end = time.monotonic() + 40
        with self.news:
            while True:
                found = self.boxes.get(to.encode(), [])
                if len(found) > count:
                    return found[count]
                left = end - time.monotonic()
                expect(left > 0, 'no challenge mail to ' + to)
                self.news.wait(left)


class SinkSession(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b'220 sink\r\n')
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b'DATA':
                self.wfile.write(b'354 go\r\n')
                self.data()
                self.wfile.write(b'250 kept\r\n')
            elif verb == b'QUIT':
                self.wfile.write(b'221 bye\r\n')
                return
            else:
                self.wfile.write(b'250 sink\r\n')

    def data(self):
        mail = b''
        for line in self.rfile:
            if line == b'.\r\n':
                break
            mail += line[1:] if line.startswith(b'.') else line
        to = re.search(rb'(?im)^To:[ \t]*<?([^\s<>]+)', mail)[1]
        with self.server.news:
            self.server.mails.append(mail)
            self.server.boxes.setdefault(to, []).append(mail)
            self.server.news.notify_all()


def smtp_send(port, sender, to, mail):
    """Hand over a mail; the reply to its end."""
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        f = s.makefile('rwb')

        def say(line):
            if line is not None:
                f.write(line + b'\r\n')
                f.flush()
            while True:
                reply = f.readline()
                if reply[3:4] != b'-':
                    return reply
        say(None)
        say(b'EHLO mx.cloud.test')
        say(b'MAIL FROM:<%s>' % sender.encode())
        say(b'RCPT TO:<%s>' % to.encode())
        say(b'DATA')
        return say(mail + b'.')


# The server.

class Cloud:
    """A waxwing-cloudd with its state; the conf's [kms], [directory] and
    [acme] come from the caller."""

    def __init__(self, path, build, **sections):
        os.makedirs(path)
        self.dir = path
        self.program = os.path.join(build, 'waxwing-cloudd')
        self.hooks = b'test hooks' in subprocess.run(
            (self.program, '-V'), capture_output=True, check=True).stdout
        self.sink = Sink()
        base, self.held = daemon.claim_block(26000 + os.getpid() % 200 * 20,
                                             [])
        self.port, self.replies = base, base + 1
        self.url = 'https://localhost:%d' % self.port
        self.process = None
        self.starts = 0
        self.state = os.path.join(path, 'state')
        self.faults = os.path.join(path, 'faults')
        self.clock = os.path.join(path, 'clock')
        self.sections = sections
        self.fault('')
        self.move(0)
        self.configure()
        self.init()

    def configure(self, **more):
        sections = {
            'cloud': {'url': self.url, 'state_dir': self.state,
                      'listen': '127.0.0.1:%d' % self.port},
            'ca': {'crl_url': 'http://pki.cloud.test/crl',
                   'ca_url': 'http://pki.cloud.test/ca', 'lifetime': '90d'},
            'mail': {'from': 'acme@cloud.test', 'relay':
                     'smtp://127.0.0.1:%d' % self.sink.server_address[1]},
            'reply': {'listen': '127.0.0.1:%d' % self.replies,
                      'authserv_id': AUTHSERV},
            'kms': {'requests_per_hour': 1000, 'keys_per_day': 1000},
            'directory': {'searches_per_minute': 100000},
            'acme': {'orders_per_hour': 1000, 'accounts_per_hour': 1000,
                     'mails_per_hour': 1000},
        }
        if daemon.ordinary_user():
            sections['cloud']['user'] = daemon.ordinary_user()
        for part in (self.sections, more):
            for name, keys in part.items():
                sections[name].update(keys)
        self.conf = os.path.join(self.dir, 'conf')
        with open(self.conf, 'w', encoding='ascii') as f:
            f.write(daemon.conf_text(sections))

    def init(self):
        p = subprocess.run((self.program, '-f', self.conf, 'init'),
                           capture_output=True, text=True, timeout=60)
        expect(p.returncode == 0, 'init: ' + p.stderr)
        self.pins = p.stdout

    def start(self):
        env = dict(os.environ, WAXWING_FAULTS=self.faults,
                   WAXWING_CLOCK=self.clock)
        with open(os.path.join(self.dir, 'log'), 'ab') as log:
            self.process = subprocess.Popen(
                (self.program, '-f', self.conf), env=env, stderr=log,
                stdin=subprocess.DEVNULL, stdout=log)
        self.starts += 1
        end = time.monotonic() + 40
        while self.log().count(' ready url=') < self.starts:
            expect(self.process.poll() is None, 'the cloud ended at start: ' +
                   self.log()[-300:])
            expect(time.monotonic() < end, 'the cloud does not start')
            time.sleep(0.02)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed('the cloud does not stop') from None
        self.process = None
        expect(code == 0, 'the cloud ended with %d' % code)
        expect(not daemon.BAD_LOG.search(self.log()),
               'the log has an alarm: ' + self.log()[-2000:])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def close(self):
        if self.process is not None:
            self.kill()
        self.sink.shutdown()
        self.sink.server_close()
        for s in self.held:
            s.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open(os.path.join(self.dir, 'log'), encoding='utf-8',
                  errors='replace') as f:
            return f.read()

    def fault(self, text):
        with open(self.faults, 'w', encoding='ascii') as f:
            f.write(text)
        os.chmod(self.faults, 0o644)

    def move(self, seconds):
        with open(self.clock, 'w', encoding='ascii') as f:
            f.write('%d\n' % seconds)
        os.chmod(self.clock, 0o644)

    def file(self, name):
        return os.path.join(self.state, name)

    def http(self, method, path, body=None, headers=None, timeout=30):
        """One request on a connection of its own: status, fields, body."""
        tls = ssl.create_default_context(cafile=self.file('root.pem'))
        c = http.client.HTTPSConnection('localhost', self.port, context=tls,
                                        timeout=timeout)
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def search(self, address, **headers):
        return self.http('GET', '/search?email=' + address, headers={
            k.replace('_', '-'): v for k, v in headers.items()})

    def found(self, address):
        """The certificates the directory has, newest first."""
        status, fields, body = self.search(address)
        if status == 404:
            return []
        expect(status == 200, 'a search gave %d' % status)
        kind = fields['Content-Type']
        if kind == 'application/pkix-cert':
            return [body]
        boundary = re.fullmatch('multipart/mixed; boundary="(.*)"', kind)
        expect(boundary, 'the directory answers with ' + kind)
        parts = (b'\r\n' + body).split(b'\r\n--' + boundary[1].encode())
        expect(parts[0] == b'' and parts[-1] == b'--\r\n', 'a bad multipart')
        out = []
        for part in parts[1:-1]:
            head, _, der = part.partition(b'\r\n\r\n')
            expect(b'application/pkix-cert' in head, 'a part of another type')
            out.append(der)
        return out


# The devices.

class Device:
    """An ACME account and a transport key."""

    count = 0

    def __init__(self, cloud):
        Device.count += 1
        self.cloud = cloud
        base = os.path.join(cloud.dir, 'device%d' % Device.count)
        self.key = Key(base + '.account')
        self.transport = Key(base + '.transport')
        self.cert = base + '.pem'
        openssl('req', '-x509', '-new', '-key', self.transport.path, '-out',
                self.cert, '-days', '3650', '-subj', '/CN=device', '-addext',
                'keyUsage=critical,keyAgreement', '-addext',
                'basicConstraints=critical,CA:false')
        self.der = openssl('x509', '-in', self.cert, '-outform', 'DER')
        self.kid = None
        self.nonce = None
        self.order = None
        self.start = 0

    def jws(self, url, payload, key=None, kid=None, **changed):
        key = key or self.key
        if self.nonce is None or self.start != self.cloud.starts:
            self.nonce = self.cloud.http('HEAD', '/acme/new-nonce')[1][
                'Replay-Nonce']
        head = {'alg': 'ES256', 'nonce': self.nonce, 'url': url}
        head.update({'kid': kid} if kid else {'jwk': key.jwk})
        head.update(changed)
        self.nonce = None
        body = b'' if payload is None else payload if isinstance(
            payload, bytes) else json.dumps(payload).encode()
        first, second = b64u(json.dumps(head).encode()), b64u(body)
        return json.dumps({
            'protected': first, 'payload': second,
            'signature': b64u(key.sign((first + '.' + second).encode()))})

    def send(self, path, body, timeout=30):
        status, fields, answer = self.cloud.http(
            'POST', path, body,
            {'Content-Type': 'application/jose+json'}, timeout)
        self.nonce = fields['Replay-Nonce']
        self.start = self.cloud.starts
        return status, fields, answer

    def post(self, path, payload, key=None, kid=True, timeout=30):
        """A path of the cloud, or its whole URL."""
        path = path.removeprefix(self.cloud.url)
        return self.send(path, self.jws(
            self.cloud.url + path, payload, key,
            self.kid if kid is True else kid), timeout)

    def register(self):
        status, fields, body = self.post(
            '/acme/new-account', {'termsOfServiceAgreed': True}, kid=None)
        expect(status == 201, 'newAccount: %d %s' % (status, body))
        self.kid = fields['Location']
        return self

    def prove(self, mailbox):
        """Prove control of a mailbox, as RFC 8823 3 has it."""
        if self.kid is None:
            self.register()
        count = len(self.cloud.sink.boxes.get(mailbox.encode(), []))
        status, _, body = self.post('/acme/new-order', {'identifiers': [
            {'type': 'email', 'value': mailbox}]})
        expect(status == 201, 'newOrder: %d %s' % (status, body))
        self.order = json.loads(body)
        authz = self.order['authorizations'][0]
        state = json.loads(self.post(authz, None)[2])
        if state['status'] == 'valid':
            return self
        challenge = state['challenges'][0]
        mail = self.cloud.sink.wait(mailbox, count)
        token = re.search(rb'(?im)^Subject: ACME:[ \r\n\t]*([\w-]+)',
                          mail)[1].decode()
        self.answer(mailbox, mail, challenge, token)
        self.post(challenge['url'], {})
        for _ in range(400):
            state = json.loads(self.post(authz, None)[2])
            if state['status'] != 'pending':
                break
            time.sleep(0.05)
        expect(state['status'] == 'valid', 'the challenge: %s' % state)
        return self

    def answer(self, mailbox, mail, challenge, token):
        digest = b64u(hashlib.sha256((
            token + challenge['token'] + '.' +
            self.key.thumbprint).encode()).digest())
        message = re.search(rb'(?im)^Message-ID: *(<.*>)', mail)
        reply = '\r\n'.join((
            'Authentication-Results: %s; dkim=pass header.d=%s' % (
                AUTHSERV, mailbox.partition('@')[2]),
            'From: ' + mailbox, 'To: ' + challenge['from'],
            'Subject: Re: ACME: ' + token,
            'Message-ID: <%s@test>' % token[:8],
            'In-Reply-To: ' + (message[1].decode() if message else '<x@y>'),
            'Date: Thu, 01 Jan 2026 00:00:00 +0000', 'MIME-Version: 1.0',
            'Content-Type: text/plain', '', '-----BEGIN ACME RESPONSE-----',
            digest, '-----END ACME RESPONSE-----', ''))
        said = smtp_send(self.cloud.replies, mailbox, challenge['from'],
                         reply.encode())
        expect(said.startswith(b'250'), 'the reply was refused: %s' % said)

    # The key service.

    def ask_payload(self, mailbox, **more):
        self.asked = os.urandom(16)
        out = {'mailbox': mailbox, 'transport': b64u(self.der),
               'nonce': b64u(self.asked), 'from': 0}
        out.update(more)
        return out

    def ask(self, mailbox, timeout=30, **more):
        """Ask for keys; tries again when they are being made."""
        for _ in range(60):
            status, fields, body = self.post(
                '/kms/keys', self.ask_payload(mailbox, **more),
                timeout=timeout)
            if status != 503:
                break
            expect(fields['Retry-After'], 'a 503 without Retry-After')
            time.sleep(0.5)
        return status, fields, body

    def keys(self, mailbox, **more):
        """Ask for keys, and check all that is said: a Bundle."""
        status, fields, body = self.ask(mailbox, **more)
        expect(status == 200, 'keys: %d %s' % (status, body[:300]))
        expect(fields['Content-Type'] == 'application/pkcs7-mime',
               'another type')
        return Bundle(self, mailbox, body, more.get('from', 0))

    def release_log(self, mailbox, start=0):
        self.asked = os.urandom(16)
        status, _, body = self.post('/kms/release-log', {
            'mailbox': mailbox, 'nonce': b64u(self.asked), 'from': start})
        expect(status == 200, 'release log: %d %s' % (status, body[:300]))
        return Bundle(self, mailbox, body, start)


def chain(entries, size=0, digest=bytes(32)):
    """The head behind these entries."""
    for entry in entries:
        size += 1
        digest = hashlib.sha256(digest + entry.encode()).digest()
    return {'size': size, 'hash': digest.hex()}


class Bundle:
    """What the key service said, opened with the openssl tool."""

    def __init__(self, device, mailbox, der, start):
        self.device = device
        cloud = device.cloud
        # the certificate inside is not looked at, the pinned one is
        text = openssl('cms', '-verify', '-binary', '-inform', 'DER',
                       '-nointern', '-noverify', '-certfile',
                       cloud.file('kms.pem'), data=der)
        self.said = json.loads(text)
        expect(self.said['mailbox'] == mailbox, 'another mailbox')
        expect(unb64u(self.said['nonce']) == device.asked, 'another nonce')
        self.log = self.said['log']
        self.head = self.said['head']
        if start == 0:
            expect(chain(self.log) == self.head, 'the log is no chain')
        self.entries = [json.loads(e) for e in self.log]
        expect([e['n'] for e in self.entries] ==
               list(range(start, start + len(self.log))), 'other numbers')
        self.certs, self.private = [], []
        if 'transport' in self.said:
            expect(unb64u(self.said['transport']) ==
                   hashlib.sha256(device.der).digest(), 'another transport')
            for key in self.said['keys']:
                self.open(key)

    def open(self, key):
        cert = unb64u(key['certificate'])
        private = openssl('cms', '-decrypt', '-binary', '-inform', 'DER',
                          '-recip', self.device.cert, '-inkey',
                          self.device.transport.path,
                          data=unb64u(key['key']))
        of_cert = openssl('x509', '-inform', 'DER', '-noout', '-pubkey',
                          data=cert)
        of_key = openssl('pkey', '-inform', 'DER', '-pubout', data=private)
        expect(of_cert == of_key, 'a key of another certificate')
        issuing = openssl('x509', '-in',
                          self.device.cloud.file('issuing.pem'), '-outform',
                          'DER')
        expect([unb64u(c) for c in key['chain']] == [issuing],
               'another chain')
        self.certs.append(cert)
        self.private.append(private)
