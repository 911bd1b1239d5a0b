"""rig - contrib/rig for tests in Python, and clients for what it raises."""

import imaplib
import json
import os
import shlex
import signal
import smtplib
import socket
import ssl
import subprocess
import time

import daemon
from daemon import Failed, SRC

imaplib._MAXLINE = 1 << 20      # FETCH of many items on one line


class Rig:
    """with Rig(path, users=3) as rig: up, and down at the end."""

    def __init__(self, path, users=2, conf=None, port_base=None,
                 waxwing=True, cloud=False):
        self.dir = path
        self.args = ['--users', str(users)]
        if port_base:
            self.args += ['--port-base', str(port_base)]
        if waxwing:
            self.args += ['--build', daemon.build_dir()]
            self.args += [] if cloud else ['--import-keys']
        else:
            self.args += ['--no-waxwing']
        self.conf = conf
        self.env = {}
        self.children = []

    def __enter__(self):
        os.makedirs(self.dir, exist_ok=True)
        if self.conf:
            name = os.path.join(self.dir, 'extra.conf')
            with open(name, 'w', encoding='utf-8') as f:
                f.write(self.conf)
            self.args += ['--conf', name]
        self.run('up', *self.args)
        with open(os.path.join(self.dir, 'env'), encoding='utf-8') as f:
            for line in f:
                name, _, value = line.strip().partition('=')
                self.env[name] = ''.join(shlex.split(value))
        self.tls = ssl.create_default_context(cafile=self.env['CA_FILE'])
        return self

    def __exit__(self, *exc):
        self.run('down')

    def run(self, verb, *args):
        done = subprocess.run(
            [os.path.join(SRC, 'contrib', 'rig'), verb, '--dir', self.dir] +
            list(args), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False)
        if done.returncode != 0:
            raise Failed('rig %s: %s' % (verb, done.stderr))

    def port(self, name):
        return int(self.env[name])

    # Clients.

    def imap(self, user='user1', direct=False, box='INBOX', readonly=False):
        """A session with a selected mailbox, at Waxwing or at Dovecot."""
        name = 'UPSTREAM_IMAPS_PORT' if direct else 'IMAPS_PORT'
        c = imaplib.IMAP4_SSL(self.env['HOST'], self.port(name),
                              ssl_context=self.tls, timeout=60)
        c.login(user + '@example.test', self.env['PASSWORD'])
        if box:
            ok, data = c.select(box, readonly)
            if ok != 'OK':
                raise Failed('SELECT %s: %r' % (box, data))
        return c

    def smtp(self, user='user1'):
        # A name of its own, for which nobody has to be asked.
        c = smtplib.SMTP_SSL(self.env['HOST'], self.port('SMTPS_PORT'),
                             'client.example.test', context=self.tls,
                             timeout=60)
        c.login(user + '@example.test', self.env['PASSWORD'])
        return c

    def send(self, mail, sender='user1', rcpts=('user2',)):
        """Send bytes through Waxwing; other domains are written in full."""
        full = [r if '@' in r else r + '@example.test' for r in rcpts]
        with self.smtp(sender) as c:
            return c.sendmail(sender + '@example.test', full, mail)

    def append(self, mail, user='user1', box='INBOX'):
        """Put bytes into a mailbox at Dovecot; returns the UID."""
        c = self.imap(user, direct=True, box=None)
        c.create(box)
        ok, data = c.append(box, None, None, mail)
        c.logout()
        if ok != 'OK':
            raise Failed('APPEND: %r' % (data,))
        return int(data[0].split(b'APPENDUID ')[1].split()[1].rstrip(b']'))

    def ctl(self, *args, check=True):
        done = subprocess.run(
            [os.path.join(self.env['BUILD_DIR'], 'waxwingctl'), '--socket',
             self.env['CONTROL_SOCKET']] + list(args),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False)
        if check and done.returncode != 0:
            raise Failed('waxwingctl %s: %s%s' % (
                ' '.join(args), done.stdout, done.stderr))
        return done

    # What happened.

    def submitted(self):
        """The messages that the submission server was handed, in order."""
        with open(os.path.join(self.env['SUBMITD_DIR'], 'log'),
                  encoding='ascii') as f:
            entries = [json.loads(line) for line in f]
        return [e for e in entries if e['event'] == 'message']

    def text_of(self, entry):
        with open(entry['file'], 'rb') as f:
            return f.read()

    def upstream_faults(self, *faults, **more):
        """Let the submission server misbehave; nothing: behave again."""
        self.write('submitd', 'control',
                   json.dumps(dict(more, faults=list(faults))))

    def faults(self, *lines):
        """Fault points of waxwingd (test hooks); nothing: none.  One is
        always there: who is killed often is not started again ever later."""
        self.write('waxwing', 'faults', '\n'.join(
            lines + ('parent.patience error',)) + '\n')

    def write(self, where, name, text):
        path = os.path.join(os.path.dirname(self.env['LOG_DIR']), where,
                            name)
        with open(path + '.new', 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path + '.new', 0o644)
        os.rename(path + '.new', path)

    def clock(self, seconds):
        """Move everybody's wall clock (test hooks)."""
        self.write('waxwing', 'clock', '%d\n' % seconds)

    # The cloud.

    def cloud_signal(self, number):
        os.kill(int(self.env['CLOUD_PID']), number)

    def cloud_stop(self, number=signal.SIGTERM):
        """End it, and wait until it is gone."""
        pid = int(self.env['CLOUD_PID'])
        os.kill(pid, number)
        self.cloud_gone(pid)

    def cloud_gone(self, pid=None):
        """Wait until it is gone."""
        pid = pid or int(self.env['CLOUD_PID'])
        self.wait('end of the cloud', lambda: daemon.ended(pid))

    def cloud_port(self):
        return int(self.env['CLOUD_URL'].rpartition(':')[2])

    def cloud_start(self, port=None):
        """Start it again; "rig down" will find it."""
        with open(os.path.join(self.env['LOG_DIR'], 'cloud'), 'ab') as log:
            child = subprocess.Popen(
                [os.path.join(self.env['BUILD_DIR'], 'waxwing-cloudd'), '-f',
                 self.env['CLOUD_CONF']], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd='/', start_new_session=True,
                env=dict(os.environ, WAXWING_FAULTS=self.env['FAULTS_FILE'],
                         WAXWING_CLOCK=self.env['CLOCK_FILE']))
        self.children.append(child)     # buried when this process ends
        self.env['CLOUD_PID'] = str(child.pid)
        with open('/proc/%d/stat' % child.pid, encoding='ascii') as f:
            born = f.read().rpartition(')')[2].split()[19]
        with open(os.path.join(self.dir, 'pid', 'cloud'), 'w',
                  encoding='ascii') as f:
            f.write('%d %s\n' % (child.pid, born))
        port = port or self.cloud_port()

        def answers():
            if child.poll() is not None:
                raise Failed('the cloud ended at its start')
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                return True
            except OSError:
                return False
        self.wait('answer of the cloud', answers)

    def store(self, table):
        """A table of the cloud's store: {id: value}, JSON decoded."""
        done = subprocess.run(
            [os.path.join(self.env['BUILD_DIR'], 'tests', 'system',
                          'store-cli'), self.env['CLOUD_DIR'] + '/store',
             table], capture_output=True, check=True,
            # Having changed its user it cannot look for leaks.
            env=dict(os.environ, ASAN_OPTIONS='detect_leaks=0'))
        found = {}
        for line in done.stdout.decode('utf-8', 'replace').splitlines():
            name, _, value = line.partition('\t')
            found[name] = json.loads(value) if value[:1] in '{[' else value
        return found

    def log(self, name='waxwingd'):
        path = os.path.join(self.env['LOG_DIR'], name)
        if not os.path.exists(path):
            return ''
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def bad_log(self):
        return [line for name in ('waxwingd', 'cloud')
                for line in self.log(name).splitlines()
                if daemon.BAD_LOG.search(line)]

    def roles(self, role):
        """The process ids of a role of this waxwingd."""
        parent = self.env['WAXWINGD_PID']
        out = subprocess.run(['ps', '-o', 'pid=,args=', '--ppid', parent],
                             capture_output=True, text=True, check=False)
        pids = []
        for line in out.stdout.splitlines():
            pid, _, args = line.strip().partition(' ')
            if '-x ' + role in args or '-x' + role in args:
                pids.append(int(pid))
        return pids

    def wait(self, what, test, limit=40):
        """Until test() is true."""
        end = time.monotonic() + limit
        while not test():
            if time.monotonic() > end:
                raise Failed('no ' + what)
            time.sleep(0.05)
