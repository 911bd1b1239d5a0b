#!/usr/bin/env python3
"""fakecloud - a cloud that does as it is told, for the agent's tests.

usage: fakecloud.py DIR

Keys and certificates are made in DIR with the openssl tool.  DIR/url says
where it listens once that is so; DIR/requests gets a line for each request.
The agent's JWS are the fake sealer's: plain JSON of the typed request.

DIR/plan says how to lie, a line each, read again for every request:

    PATH-PREFIX WHAT [ARGUMENT]

    slow N        wait N seconds first
    redirect URL  302
    status N      an empty answer with that status
    truncate      half of the body that was promised
    endless       a body that never ends
    huge          10 MB of JSON
    deep          JSON nested 100000 deep
    text WORDS    that text with status 200
    type T        another Content-Type
    stale-nonce   the nonces of the answers are never good
    origin        URLs of another host in the object
    identifier A  another address in the object
    cert NAME     hand out that certificate
    order-status S, authz-status S
    retry N       Retry-After
    silent        no challenge is sent for the order
"""

import hashlib
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time

CONF = """
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:true
keyUsage = keyCertSign,cRLSign
subjectKeyIdentifier = hash
[tls]
subjectAltName = IP:127.0.0.1,DNS:localhost
extendedKeyUsage = serverAuth
[encrypt]
subjectAltName = email:${ENV::MAIL}
keyUsage = keyEncipherment
extendedKeyUsage = emailProtection
crlDistributionPoints = URI:${ENV::CRL}
authorityKeyIdentifier = keyid
[aia]
subjectAltName = email:${ENV::MAIL}
keyUsage = keyEncipherment
extendedKeyUsage = emailProtection
crlDistributionPoints = URI:${ENV::CRL}
authorityInfoAccess = caIssuers;URI:${ENV::ISSUER}
authorityKeyIdentifier = keyid
[sign]
subjectAltName = email:${ENV::MAIL}
keyUsage = digitalSignature
extendedKeyUsage = emailProtection
crlDistributionPoints = URI:${ENV::CRL}
authorityKeyIdentifier = keyid
[caconf]
database = index
default_md = sha256
crlnumber = crlnumber
default_crl_days = 10
certificate = ca.crt
private_key = ca.key
"""


def openssl(*args, **env):
    subprocess.run(('openssl',) + args, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=dict(os.environ, MAIL='none', CRL='none', ISSUER='none') | env)


class Keys:
    def __init__(self, url):
        self.crl = url + '/crl'
        with open('conf', 'w') as f:
            f.write(CONF)
        for name, text in (('index', ''), ('crlnumber', '01\n'),
                           ('index.attr', 'unique_subject = no\n')):
            with open(name, 'w') as f:
                f.write(text)
        self.authority('ca')
        self.authority('other')
        openssl('req', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
                '-keyout', 'tls.key', '-out', 'tls.csr', '-config', 'conf')
        openssl('x509', '-req', '-in', 'tls.csr', '-CA', 'ca.crt', '-CAkey',
                'ca.key', '-days', '20', '-extfile', 'conf', '-extensions',
                'tls', '-out', 'tls.crt')
        openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt',
                'rsa_keygen_bits:2048', '-out', 'user.key')
        self.revoke()
        self.intermediate()

    def authority(self, name):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-subj',
                '/CN=Fake ' + name, '-days', '30', '-keyout', name + '.key',
                '-out', name + '.crt', '-config', 'conf', '-extensions', 'ca')

    def issue(self, name, address, section='encrypt', ca='ca', crl=None):
        """NAME.der for that address."""
        openssl('req', '-new', '-key', 'user.key', '-subj', '/CN=' + address,
                '-config', 'conf', '-out', 'user.csr')
        openssl('x509', '-req', '-in', 'user.csr', '-CA', ca + '.crt',
                '-CAkey', ca + '.key', '-days', '20', '-set_serial',
                str(int.from_bytes(os.urandom(8), 'big') >> 1), '-extfile',
                'conf', '-extensions', section, '-out', name + '.crt',
                MAIL=address, CRL=crl or self.crl,
                ISSUER=self.crl[:-3] + 'ca')
        openssl('x509', '-in', name + '.crt', '-outform', 'DER', '-out',
                name + '.der')

    def intermediate(self):
        """Another authority below the first, with a list of its own."""
        openssl('req', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=Fake sub',
                '-keyout', 'sub.key', '-out', 'sub.csr', '-config', 'conf')
        openssl('x509', '-req', '-in', 'sub.csr', '-CA', 'ca.crt', '-CAkey',
                'ca.key', '-days', '20', '-extfile', 'conf', '-extensions',
                'ca', '-out', 'sub.crt')
        openssl('x509', '-in', 'sub.crt', '-outform', 'DER', '-out',
                'sub.der')
        openssl('ca', '-config', 'conf', '-name', 'caconf', '-gencrl',
                '-cert', 'sub.crt', '-keyfile', 'sub.key', '-out',
                'subcrl.pem')
        openssl('crl', '-in', 'subcrl.pem', '-outform', 'DER', '-out',
                'subcrl.der')

    def revoke(self, name=None):
        if name:
            openssl('ca', '-config', 'conf', '-name', 'caconf', '-revoke',
                    name + '.crt')
        openssl('ca', '-config', 'conf', '-name', 'caconf', '-gencrl',
                '-out', 'crl.pem')
        openssl('crl', '-in', 'crl.pem', '-outform', 'DER', '-out',
                'crl.new')
        os.rename('crl.new', 'crl.der')


def read(name):
    with open(name, 'rb') as f:
        return f.read()


class Cloud:
    """What an ACME server remembers (RFC 8555, RFC 8823)."""

    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()
        self.nonces = set()
        self.count = 0
        self.orders = {}
        self.accounts = {}

    def nonce(self):
        self.count += 1
        n = 'nonce-%d' % self.count
        self.nonces.add(n)
        return n


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    cloud = None

    def log_message(self, *args):
        pass

    # --- lies ---

    def plans(self):
        """The lines of the plan for this path."""
        try:
            with open('plan') as f:
                for line in f:
                    words = line.strip().split(None, 2)
                    if len(words) > 1 and self.path.startswith(words[0]):
                        yield words[1], words[2] if len(words) > 2 else ''
        except FileNotFoundError:
            pass

    def plan(self, what):
        for w, arg in self.plans():
            if w == what:
                return arg or True
        return None

    def lie(self):
        """True if that was the whole answer."""
        for what, arg in self.plans():
            if what == 'slow':
                time.sleep(float(arg))
            elif what == 'redirect':
                self.reply(302, b'', location=arg)
                return True
            elif what == 'status':
                self.reply(int(arg), b'{}')
                return True
            elif what == 'text':
                self.reply(200, arg.encode())
                return True
            elif what == 'huge':
                self.reply(200, b'{"a":"' + b'x' * 10000000 + b'"}')
                return True
            elif what == 'deep':
                self.reply(200, b'{"a":' + b'[' * 100000 + b']' * 100000 +
                           b'}')
                return True
            elif what == 'endless':
                self.endless()
                return True
        return False

    def endless(self):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        try:
            while True:
                self.wfile.write(b'1000\r\n' + b' ' * 4096 + b'\r\n')
        except OSError:
            pass
        self.close_connection = True

    # --- answers ---

    def reply(self, status, body, ctype='application/json', **fields):
        ctype = self.plan('type') or ctype
        short = self.plan('truncate') and len(body) > 1
        self.send_response(status)
        self.send_header('Content-Type', ctype)
        self.send_header('Content-Length', str(len(body)))
        with self.cloud.lock:
            nonce = self.cloud.nonce()
        if self.plan('stale-nonce'):
            nonce = 'used-before'
        if self.path.startswith('/acme/'):
            self.send_header('Replay-Nonce', nonce)
        retry = self.plan('retry')
        if retry:
            self.send_header('Retry-After', retry)
        for k, v in fields.items():
            self.send_header(k.replace('_', '-'), v)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body[:len(body) // 2] if short else body)
        if short:
            self.close_connection = True

    def note(self, more=''):
        with open('requests', 'a') as f:
            f.write('%s %s%s\n' % (self.command, self.path, more))

    def problem(self, status, kind):
        self.reply(status, json.dumps(
            {'type': 'urn:ietf:params:acme:error:' + kind,
             'detail': 'it is so'}).encode(), 'application/problem+json')

    def obj(self, status, o, **fields):
        text = json.dumps(o)
        if self.plan('origin'):
            text = text.replace(self.cloud.url, 'https://127.0.0.2:1')
        self.reply(status, text.encode(), **fields)

    # --- POST ---

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        try:
            jws = json.loads(body)
        except ValueError:
            return self.problem(400, 'malformed')
        self.note(' kind=%s' % jws.get('kind'))
        if self.lie():
            return
        c = self.cloud
        with c.lock:
            fresh = jws['nonce'] in c.nonces
            c.nonces.discard(jws['nonce'])
        if not fresh:
            return self.problem(400, 'badNonce')
        if jws['url'] != c.url + self.path:
            return self.problem(401, 'unauthorized')
        if self.path == '/acme/new-account':
            return self.new_account(jws)
        if jws['kid'] not in c.accounts.values():
            return self.problem(400, 'accountDoesNotExist')
        if self.path == '/acme/new-order':
            return self.new_order(jws)
        if self.path == '/acme/revoke-cert':
            return self.reply(200, b'')
        if self.path.startswith('/kms/'):
            return self.reply(200, json.dumps(jws).encode(),
                              'application/pkcs7-mime')
        kind, number = self.path.split('/')[2:4]
        order = c.orders.get(int(number))
        if order is None:
            return self.problem(404, 'malformed')
        getattr(self, 'post_' + kind)(order)

    def new_account(self, jws):
        c = self.cloud
        with c.lock:
            known = jws['account'] in c.accounts
            kid = c.accounts.setdefault(
                jws['account'],
                '%s/acme/account/%d' % (c.url, len(c.accounts) + 1))
        if not known:
            self.note(' MADE')
        self.obj(200 if known else 201, {'status': 'valid'}, Location=kid)

    def new_order(self, jws):
        c = self.cloud
        with c.lock:
            n = len(c.orders) + 1
            o = {'n': n, 'address': jws['address'], 'status': 'pending',
                 'authz': 'pending', 'made': False,
                 'token1': 'AAAAAAAAAAAAAAAAAAAAAAAA-%d' % n,
                 'token2': 'BBBBBBBBBBBBBBBBBBBBBBBB-%d' % n}
            if self.plan('reuse'):
                o['status'] = 'ready'
                o['authz'] = 'valid'
            c.orders[n] = o
        if o['authz'] == 'pending' and not self.plan('silent'):
            with open('mail.new', 'w') as f:
                f.write('%d %s' % (n, o['token1']))
            os.rename('mail.new', 'mail')
        self.order(o, 201)

    def order(self, o, status=200):
        u = self.cloud.url + '/acme/%s/%d'
        n = o['n']
        what = {'status': self.plan('order-status') or o['status'],
                'identifiers': [{'type': 'email', 'value':
                                 self.plan('identifier') or o['address']}],
                'authorizations': [u % ('authz', n)],
                'finalize': u % ('finalize', n)}
        if o['status'] == 'valid':
            what['certificate'] = u % ('cert', n)
        self.obj(status, what, Location=u % ('order', n))

    def post_order(self, o):
        self.order(o)

    def look_for_reply(self, o):
        try:
            with open('reply') as f:
                got = f.read().strip()
        except FileNotFoundError:
            return
        want = 'digest-%s-%s' % (o['token1'], o['token2'])
        if o['authz'] == 'pending' and o['token1'] in got:
            o['authz'] = 'valid' if got == want else 'invalid'
            o['status'] = 'ready' if got == want else 'invalid'

    def post_authz(self, o):
        self.look_for_reply(o)
        u = self.cloud.url
        self.obj(200, {
            'status': self.plan('authz-status') or o['authz'],
            'identifier': {'type': 'email', 'value':
                           self.plan('identifier') or o['address']},
            'challenges': [{
                'type': 'email-reply-00',
                'url': '%s/acme/challenge/%d' % (u, o['n']),
                'status': o['authz'], 'token': o['token2'],
                'from': 'ca@cloud.test'}]})

    def post_challenge(self, o):
        self.obj(200, {'status': o['authz']})

    def post_finalize(self, o):
        if o['status'] == 'ready':
            o['status'] = 'valid'
            self.note(' ISSUED')
        self.order(o)

    def post_cert(self, o):
        self.reply(200, b'chain %d' % o['n'],
                   'application/pem-certificate-chain')

    # --- GET and HEAD ---

    def do_HEAD(self):
        self.note()
        if not self.lie():
            self.reply(200, b'')

    def do_GET(self):
        tag = self.headers.get('If-None-Match')
        self.note(' ' + tag if tag else '')
        if self.lie():
            return
        if self.path.startswith('/search?email='):
            self.search(self.path[14:].replace('%40', '@'), tag)
        elif self.path == '/crl':
            self.reply(200, read('crl.der'), 'application/pkix-crl')
        elif self.path == '/subcrl':
            self.reply(200, read('subcrl.der'), 'application/pkix-crl')
        elif self.path == '/ca':
            self.reply(200, read('sub.der'), 'application/pkix-cert')
        elif self.path == '/acme/directory':
            u = self.cloud.url
            self.obj(200, {
                'newNonce': u + '/acme/new-nonce',
                'newAccount': u + '/acme/new-account',
                'newOrder': u + '/acme/new-order',
                'revokeCert': u + '/acme/revoke-cert',
                'keyChange': u + '/acme/key-change',
                'waxwingKeys': u + '/kms/keys',
                'waxwingReleaseLog': u + '/kms/release-log',
                'waxwingSearch': u + '/search'})
        else:
            self.reply(404, b'{}')

    def search(self, address, tag):
        name = self.plan('cert') or address
        age = self.plan('max-age')
        fields = {'Cache_Control': 'max-age=' + age} if age else {}
        if self.plan('multipart'):
            body = b'preamble\r\n'
            for n in self.plan('multipart').split():
                body += (b'--x y\r\nContent-Type: application/pkix-cert\r\n'
                         b'Content-Transfer-Encoding: binary\r\n\r\n' +
                         read(n + '.der') + b'\r\n')
            self.reply(200, body + b'--x y--\r\n',
                       'multipart/mixed; boundary="x y"', **fields)
            return
        try:
            der = read(name + '.der')
        except FileNotFoundError:
            self.reply(404, b'', **fields)
            return
        etag = '"%s"' % hashlib.sha256(der).hexdigest()[:20]
        if tag == etag:
            self.reply(304, b'', ETag=etag, **fields)
        else:
            self.reply(200, der, 'application/pkix-cert', ETag=etag, **fields)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass  # clients that give up are what this is about


def commands(keys):
    """Lines on standard input: issue NAME ADDRESS [SECTION [CA [CRL]]] or
    revoke NAME or reset; each is answered with a line."""
    for line in sys.stdin:
        words = line.split()
        if words[0] == 'issue':
            keys.issue(*words[1:])
        elif words[0] == 'revoke':
            keys.revoke(words[1])
        elif words[0] == 'reset':
            Handler.cloud = Cloud(Handler.cloud.url)
            for name in ('mail', 'reply'):
                with open(name, 'w'):
                    pass
        print('done', flush=True)


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    os.chdir(sys.argv[1])
    server = Server(('127.0.0.1', 0), Handler)
    url = 'https://127.0.0.1:%d' % server.server_port
    keys = Keys(url)
    Handler.cloud = Cloud(url)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain('tls.crt', 'tls.key')
    server.socket = ctx.wrap_socket(server.socket, server_side=True,
                                    do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open('url.new', 'w') as f:
        f.write(url)
    os.rename('url.new', 'url')
    commands(keys)


if __name__ == '__main__':
    main()
