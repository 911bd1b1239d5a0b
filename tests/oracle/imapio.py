"""A small IMAP client that gives answers as the bytes they came in."""

import re
import socket
import ssl

LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class ImapError(Exception):
    pass


class Imap:
    """One connection.  reader and writer are binary files."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.count = 0
        self.greeting = self.response()

    @classmethod
    def connect(cls, host, port, ca_file=None, timeout=60):
        sock = socket.create_connection((host, port), timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        imap = cls(sock.makefile("rb"), sock.makefile("wb"))
        if ca_file:
            imap.command("STARTTLS")
            context = ssl.create_default_context(cafile=ca_file)
            sock = context.wrap_socket(sock, server_hostname=host)
            imap.reader = sock.makefile("rb")
            imap.writer = sock.makefile("wb")
        return imap

    def response(self):
        """One whole response line, its literals included."""
        parts = []
        while True:
            line = self.reader.readline()
            if not line.endswith(b"\n"):
                raise ImapError("connection lost")
            parts.append(line)
            match = LITERAL.search(line)
            if not match:
                return b"".join(parts)
            size = int(match.group(1))
            data = self.reader.read(size)
            if len(data) != size:
                raise ImapError("connection lost in a literal")
            parts.append(data)

    def finish(self, tag):
        """Untagged responses up to that of the command, and it."""
        lines = []
        while True:
            line = self.response()
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise ImapError(line.decode("latin-1").strip())
                return lines, line
            lines.append(line)

    def send(self, text):
        """Start a command; returns its tag."""
        self.count += 1
        tag = b"t%d" % self.count
        self.writer.write(tag + b" " + text.encode() + b"\r\n")
        self.writer.flush()
        return tag

    def command(self, text):
        """Untagged responses of a command that must succeed."""
        return self.finish(self.send(text))[0]

    def ask(self, command):
        """What a command of bytes, its literals {n+} in place, comes to:
        the results, the condition, the response code."""
        self.count += 1
        tag = b"t%d" % self.count
        self.writer.write(tag + b" " + command + b"\r\n")
        self.writer.flush()
        results = []
        while True:
            line = self.response()
            if line.startswith(tag + b" "):
                break
            if re.match(rb"\* (E?SEARCH|SORT|THREAD)\b", line):
                results.append(line.replace(b'"%s"' % tag, b'"TAG"'))
        match = re.match(rb"\S+ (\S+) ?(\[[^ \]]*)?", line)
        return b"".join(results), match.group(1), match.group(2)

    def append(self, mailbox, message, flags="",
               when="25-Nov-2026 10:00:00 +0000"):
        """With a date, so that INTERNALDATE can be compared."""
        self.count += 1
        tag = b"t%d" % self.count
        self.writer.write(
            b'%s APPEND %s (%s) "%s" {%d}\r\n' %
            (tag, mailbox.encode(), flags.encode(), when.encode(),
             len(message)))
        self.writer.flush()
        if not self.reader.readline().startswith(b"+"):
            raise ImapError("APPEND refused")
        self.writer.write(message + b"\r\n")
        self.writer.flush()
        self.finish(tag)

    def fetch(self, numbers, items):
        """{sequence number: what stands between the parentheses}"""
        found = {}
        for line in self.command("FETCH %s %s" % (numbers, items)):
            match = re.match(rb"\* (\d+) FETCH \(", line)
            if match and line.endswith(b")\r\n"):
                found[int(match.group(1))] = line[match.end():-3]
        return found
