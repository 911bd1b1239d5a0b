"""liar - stands between the rig's cloud and its devices, and lies.

with Liar(rig) as liar: the cloud listens elsewhere and the liar has its port
and its TLS key.  All passes unchanged but what liar.lies names: pairs of a
regular expression for the path and one of the functions below, each of which
changes an Answer.  liar.told has the paths of the answers that were changed.
"""

import http.client
import http.server
import re
import ssl
import threading
import time

BEHIND = 12         # of the rig's block of ports
HUGE = 10 << 20
DEEP = 100000


class Answer:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body
        self.length = None      # that is promised instead of the true one
        self.endless = False


def truncated(a):
    a.length = len(a.body)
    a.body = a.body[:len(a.body) // 2]


def endless(a):
    a.endless = True


def huge(a):
    a.body = b'{"status":"' + b'x' * HUGE + b'"}'


def deep(a):
    a.body = b'{"status":' + b'[' * DEEP + b']' * DEEP + b'}'


def redirect(where):
    def lie(a):
        a.status, a.body = 302, b''
        a.fields['Location'] = where
    return lie


def later(seconds):
    """503, and when to come again."""
    def lie(a):
        a.status, a.body = 503, b'{}'
        a.fields['Retry-After'] = str(seconds)
    return lie


def text(old, new):
    """Other words in the body and in the fields."""
    def lie(a):
        a.body = a.body.replace(old.encode(), new.encode())
        for name in a.fields:
            a.fields[name] = a.fields[name].replace(old, new)
    return lie


def body(data):
    def lie(a):
        a.body = data
    return lie


def field(name, value):
    def lie(a):
        a.fields[name] = value
    return lie


def slow(seconds):
    return lambda a: time.sleep(seconds)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def ask(self):
        """What the cloud says."""
        liar = self.server.liar
        length = int(self.headers.get('Content-Length') or 0)
        c = http.client.HTTPSConnection('localhost', liar.behind,
                                        context=liar.trust, timeout=60)
        fields = {k: v for k, v in self.headers.items()
                  if k.lower() not in ('connection', 'content-length')}
        try:
            c.request(self.command, self.path,
                      self.rfile.read(length) if length else None, fields)
            r = c.getresponse()
            return Answer(r.status, {
                k: v for k, v in r.getheaders() if k.lower() not in
                ('connection', 'content-length', 'transfer-encoding')},
                r.read())
        finally:
            c.close()

    def handle_any(self):
        answer = self.ask()
        for path, lie in list(self.server.liar.lies):
            if re.search(path, self.path):
                lie(answer)
                self.server.liar.told.append(self.path)
        self.send_response(answer.status)
        for name, value in answer.fields.items():
            self.send_header(name, value)
        if answer.endless:
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            self.close_connection = True
            while True:
                self.wfile.write(b'1000\r\n' + b' ' * 4096 + b'\r\n')
        length = answer.length or len(answer.body)
        self.send_header('Content-Length', str(length))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(answer.body)
        self.close_connection |= length != len(answer.body)

    do_GET = do_HEAD = do_POST = handle_any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass            # clients that give up are what this is about


class Liar:
    def __init__(self, rig):
        self.rig = rig
        self.lies = []
        self.told = []
        self.behind = int(rig.env['IMAP_PORT']) + BEHIND
        self.trust = ssl.create_default_context(cafile=rig.env['CLOUD_CA'])
        self.server = None

    def listen(self, port):
        """Have the cloud listen there; its URL stays."""
        self.rig.cloud_stop()
        with open(self.rig.env['CLOUD_CONF'], encoding='utf-8') as f:
            conf = f.read()
        conf = re.sub(r'(\[cloud\][^[]*listen = 127\.0\.0\.1:)\d+',
                      r'\g<1>%d' % port, conf)
        with open(self.rig.env['CLOUD_CONF'], 'w', encoding='utf-8') as f:
            f.write(conf)
        self.rig.cloud_start(port)

    def __enter__(self):
        self.listen(self.behind)
        place = self.rig.env['CLOUD_DIR']
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(place + '/tls.pem', place + '/tls.key')
        self.server = Server(('127.0.0.1', self.rig.cloud_port()), Handler)
        self.server.liar = self
        self.server.socket = tls.wrap_socket(
            self.server.socket, server_side=True,
            do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.listen(self.rig.cloud_port())
