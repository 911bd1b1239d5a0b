"""daemon - one waxwingd under test, with keys, conf and log.

The files of a daemon live in a directory of their own.  When the tests run as
root the daemon's roles run as "nobody", so the directory must be within that
user's reach, and short enough for the name of a Unix socket.
"""

import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SRC = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
BLOCK = 20
GUARD = BLOCK - 1       # listens as long as the block is in use
FIRST, LAST = 24000, 31999

# What no log may hold, whatever a test provokes.
BAD_LOG = re.compile(
    r'AddressSanitizer|LeakSanitizer|runtime error:|[Aa]ssertion .* failed'
    r'|stack smashing|double free|SIGSEGV|SIGABRT|SIGBUS')


class Failed(Exception):
    """A test failed; the text says how."""


def build_dir():
    """The build to test: WAXWING_BUILD, else the first one found."""
    for d in (os.environ.get('WAXWING_BUILD'),
              os.path.join(SRC, 'build', 'plain'),
              os.path.join(SRC, 'build'), SRC):
        if d and os.access(os.path.join(d, 'waxwingd'), os.X_OK):
            return os.path.abspath(d)
    raise SystemExit('no waxwingd found: set WAXWING_BUILD')


def sanitized(build):
    """True for a build with the sanitizers, which is slow."""
    with open(os.path.join(build, 'Makefile'), encoding='utf-8') as f:
        return any(line.startswith('WW_CFLAGS') and '-fsanitize' in line
                   for line in f)


def ordinary_user():
    """The user waxwingd drops to, or None when not root."""
    return 'nobody' if os.geteuid() == 0 else None


def reachable(path):
    """True if the ordinary user can come to path."""
    if os.geteuid() != 0:
        return True
    while True:
        if not os.stat(path).st_mode & 0o001:
            return False
        if path == '/':
            return True
        path = os.path.dirname(path)


def ended(pid):
    """True if a process is no more, buried by its parent or not."""
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii') as f:
            return f.read().rpartition(')')[2].split()[0] == 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return True


class Place:
    """A working directory that the daemon's user can reach.

    with Place('dialog') as d: below the build directory if possible, else
    below /tmp; removed at the end unless WAXWING_KEEP is set.  What an earlier
    run left there goes, unless that run still lives.
    """

    def __init__(self, name):
        self.path = os.path.join(build_dir(), 'tests', name + '.tmp')
        self.lock = None

    def __enter__(self):
        os.umask(0o022)     # another user reads most of it
        # Who is told to end takes down what it has raised.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        if len(self.path) > 70 or not self.own():
            self.path = tempfile.mkdtemp(prefix='waxwing-', dir='/tmp')
            os.chmod(self.path, 0o755)
        return self.path

    def own(self):
        """True if it is there, empty, and nobody else works in it."""
        try:
            os.makedirs(self.path, exist_ok=True)
            os.chmod(self.path, 0o755)
            self.lock = os.open(self.path, os.O_RDONLY)
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self.lock), os.stat(self.path)):
                return False
            for entry in os.scandir(self.path):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        except OSError:
            return False
        return reachable(self.path)

    def __exit__(self, *exc):
        if not os.environ.get('WAXWING_KEEP'):
            shutil.rmtree(self.path, ignore_errors=True)


def claim_block(start, hold):
    """Find a free block of ports; returns (base, listening sockets).

    hold lists the offsets to listen on at once.  GUARD comes last: it reserves
    the block until it is closed, and is asked for before any other port, so
    that nobody who looks for a block is in the way of whoever has one.
    """
    hold = [*hold, GUARD]
    blocks = range(FIRST, LAST + 1, BLOCK)
    for base in sorted(blocks, key=lambda b: (b < start, b)):
        held = {}
        try:
            for offset in reversed(range(BLOCK)):
                s = held[offset] = socket.socket()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(('127.0.0.1', base + offset))
                s.listen(64)
        except OSError:
            for s in held.values():
                s.close()
            continue
        for offset, s in held.items():
            if offset not in hold:
                s.close()
        return base, [held[offset] for offset in hold]
    raise SystemExit('no free block of ports')


def make_pki(where, users):
    """Keys and certificates of user1 .. userN, as contrib/rig makes them."""
    subprocess.run([os.path.join(SRC, 'contrib', 'rig'), 'pki', '--dir',
                    where, '--users', str(users)], check=True)
    return os.path.join(where, 'pki')


def conf_text(sections):
    """{'imap': {'listen': ...}} as a conf file."""
    out = []
    for name, keys in sections.items():
        out.append('[%s]' % name)
        out.extend('%s = %s' % item for item in keys.items())
        out.append('')
    return '\n'.join(out)


class Daemon:
    """A running waxwingd.

    sections is the conf without [daemon]; path names the directory to make.
    """

    def __init__(self, path, build, sections):
        self.dir = path
        self.build = build
        self.process = None
        self.told = False
        self.control = os.path.join(path, 'control')
        self.log_path = os.path.join(path, 'log')
        self.faults = os.path.join(path, 'faults')
        self.clock = os.path.join(path, 'clock')
        os.makedirs(os.path.join(path, 'state'), mode=0o700)
        key = os.path.join(path, 'master.key')
        with open(key, 'wb') as f:
            f.write(os.urandom(32))
        os.chmod(key, 0o600)
        daemon = {'state_dir': os.path.join(path, 'state'),
                  'master_key': key, 'control': self.control}
        user = ordinary_user()
        if user:
            daemon['user'] = user
            ids = pwd.getpwnam(user)
            os.chown(os.path.join(path, 'state'), ids.pw_uid, ids.pw_gid)
        daemon.update(sections.get('daemon', {}))
        self.sections = dict(sections, daemon=daemon)
        self.write_conf()

    def write_conf(self):
        with open(os.path.join(self.dir, 'conf'), 'w',
                  encoding='utf-8') as f:
            f.write(conf_text(self.sections))

    def start(self, ports, limit=40):
        """Start it, wait until all ports listen; without ports, do not."""
        self.told = False
        env = dict(os.environ, WAXWING_FAULTS=self.faults,
                   WAXWING_CLOCK=self.clock)
        # A role cannot be traced, which is how leaks are looked for.
        env['ASAN_OPTIONS'] = env.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                [os.path.join(self.build, 'waxwingd'), '-d', '-f',
                 os.path.join(self.dir, 'conf')],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                cwd='/', start_new_session=True)
        end = time.monotonic() + limit
        for port in ports:
            self.wait_for(socket.AF_INET, ('127.0.0.1', port), end)
        if ports:
            self.wait_for(socket.AF_UNIX, self.control, end)

    def wait_for(self, family, address, end):
        """Until somebody listens there."""
        while True:
            if self.process.poll() is not None:
                raise Failed('waxwingd ended at its start:\n' + self.log())
            with socket.socket(family) as s:
                s.settimeout(1)
                if s.connect_ex(address) == 0:
                    return
            if time.monotonic() > end:
                raise Failed('waxwingd does not listen:\n' + self.log())
            time.sleep(0.02)

    def ctl(self, *args, check=True):
        """Run waxwingctl; returns the finished process."""
        done = subprocess.run(
            [os.path.join(self.build, 'waxwingctl'), '--socket',
             self.control] + list(args), stdin=subprocess.DEVNULL,
            capture_output=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise Failed('waxwingctl %s: %s%s' % (
                ' '.join(args), done.stdout.decode('utf-8', 'replace'),
                done.stderr.decode('utf-8', 'replace')))
        return done

    def ctl_begin(self, *args):
        """Start waxwingctl; what it says comes to stdout."""
        return subprocess.Popen(
            [os.path.join(self.build, 'waxwingctl'), '--socket',
             self.control] + list(args), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def import_user(self, pki, name, domain='example.test'):
        for kind in ('sign', 'encrypt'):
            self.ctl('key', 'import', '%s@%s' % (name, domain),
                     os.path.join(pki, '%s.%s.p12' % (name, kind)),
                     '--passphrase-file', os.path.join(pki, 'passphrase'))

    def hup(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def bad_log(self):
        """The lines that no log may hold."""
        return [line for line in self.log().splitlines()
                if BAD_LOG.search(line)]

    def terminate(self):
        """Tell it to stop."""
        if self.process is None or self.process.poll() is not None:
            raise Failed('waxwingd was gone already:\n' + self.log()[-4000:])
        self.told = True
        self.process.send_signal(signal.SIGTERM)

    def stop(self, limit=30):
        """Stop it; raises if it does not go by itself, or ends badly."""
        if not self.told:
            self.terminate()
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed('waxwingd did not stop') from None
        self.kill()
        if status != 0:
            raise Failed('waxwingd ended with status %d:\n%s' %
                         (status, self.log()[-4000:]))

    def kill(self):
        """End what is left of its session."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
