"""mails - mails, sealed by the openssl command, and the views to expect.

A source is a mail in a file: its Content-* and MIME-Version fields and its
body are the entity that gets sealed, its other fields stay outside.  A name
may carry variants, "simple/gcm":

	cbc gcm		content cipher (cbc is the default)
	oaep		key transport with OAEP
	unsigned	encrypted only
	opaque		signed as application/pkcs7-mime inside
	other		encrypted to somebody else
	broken		one byte of the ciphertext is wrong
	long		3 MiB of filling stand before the body
"""

import base64
import os
import re
import subprocess

STATUS = (rb'(?:(?:Authentication-Results|Waxwing-Status):[^\r\n]*\r\n'
          rb'(?:[ \t][^\r\n]*\r\n)*)+')


def crlf(text):
    return text.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')


def split_fields(head):
    """The fields of a header, each with its folding and CRLF."""
    return re.findall(rb'[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*', head)


def split_mail(mail):
    """(outer fields, entity) of a mail."""
    head, body = mail.split(b'\r\n\r\n', 1)
    outer, inner = [], []
    for field in split_fields(head + b'\r\n'):
        name = field.split(b':', 1)[0].lower()
        ours = name.startswith(b'content-') or name == b'mime-version'
        (inner if ours else outer).append(field)
    return b''.join(outer), b''.join(inner) + b'\r\n' + body


def stretch(entity, variants):
    """With what has to stand before its body."""
    if 'long' not in variants:
        return entity
    head, body = entity.split(b'\r\n\r\n', 1)
    return head + b'\r\n\r\n' + (b'filling' * 10 + b'\r\n') * 44000 + body


def lines64(der):
    return crlf(base64.encodebytes(der)) if len(der) < 57 else b''.join(
        base64.b64encode(der[i:i + 48]) + b'\r\n'
        for i in range(0, len(der), 48))


def cms(args, data):
    done = subprocess.run(['openssl', 'cms'] + args, input=data,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError('openssl cms: ' + done.stderr.decode())
    return done.stdout


class Mails:
    """The mails of one directory, sealed with the keys of one pki."""

    def __init__(self, where, pki, reader='user1', writer='user2',
                 other='user3'):
        self.where = where
        self.pki = pki
        self.reader, self.writer, self.other = reader, writer, other
        self.made = {}

    def pem(self, name):
        return os.path.join(self.pki, name)

    def plain(self, name):
        """The source as it is, with CRLF."""
        with open(os.path.join(self.where, name + '.eml'), 'rb') as f:
            return crlf(f.read())

    def sealed(self, spec):
        """The mail as it lies on the server."""
        if spec not in self.made:
            name, *variants = spec.split('/')
            outer, entity = split_mail(self.plain(name))
            entity = stretch(entity, variants)
            if 'unsigned' not in variants:
                entity = self.sign(entity, 'opaque' in variants)
            # Dialogs run side by side: the first one's bytes are everybody's.
            self.made.setdefault(spec, outer + self.encrypt(entity, variants))
        return self.made[spec]

    def sign(self, entity, opaque=False):
        args = ['-sign', '-binary', '-outform', 'DER', '-md', 'sha256',
                '-signer', self.pem(self.writer + '.sign.pem'),
                '-inkey', self.pem(self.writer + '.sign.key')]
        if opaque:
            der = cms(args + ['-nodetach'], entity)
            return (b'Content-Type: application/pkcs7-mime;'
                    b' smime-type=signed-data; name=smime.p7m\r\n'
                    b'Content-Transfer-Encoding: base64\r\n\r\n' +
                    lines64(der))
        der = cms(args, entity)
        return (b'Content-Type: multipart/signed; micalg=sha-256;'
                b' protocol="application/pkcs7-signature";'
                b' boundary=signed\r\n\r\n--signed\r\n' + entity +
                b'\r\n--signed\r\n'
                b'Content-Type: application/pkcs7-signature;'
                b' name=smime.p7s\r\n'
                b'Content-Transfer-Encoding: base64\r\n\r\n' +
                lines64(der) + b'\r\n--signed--\r\n')

    def encrypt(self, entity, variants):
        reader = self.other if 'other' in variants else self.reader
        cipher = '-aes-256-gcm' if 'gcm' in variants else '-aes-256-cbc'
        args = ['-encrypt', '-binary', '-outform', 'DER', cipher,
                '-recip', self.pem(reader + '.encrypt.pem')]
        if 'oaep' in variants:
            args += ['-keyopt', 'rsa_padding_mode:oaep']
        der = bytearray(cms(args, entity))
        if 'broken' in variants:
            der[-40] ^= 1
        kind = b'authEnveloped' if 'gcm' in variants else b'enveloped'
        return (b'MIME-Version: 1.0\r\n'
                b'Content-Type: application/pkcs7-mime; smime-type=' + kind +
                b'-data; name=smime.p7m\r\n'
                b'Content-Transfer-Encoding: base64\r\n'
                b'Content-Disposition: attachment; filename=smime.p7m'
                b'\r\n\r\n' + lines64(bytes(der)))

    def view(self, spec):
        """A regular expression for what the reader gets."""
        name, *variants = spec.split('/')
        if 'broken' in variants or 'other' in variants:
            return STATUS + re.escape(self.sealed(spec))
        outer, entity = split_mail(self.plain(name))
        return STATUS + re.escape(outer + stretch(entity, variants))

    def opens(self, mail, reader):
        """Decrypt a sealed mail with a user's key; None if that fails."""
        head, body = mail.split(b'\r\n\r\n', 1)
        if b'application/pkcs7-mime' not in head.lower():
            return None
        try:
            return cms(['-decrypt', '-binary', '-inform', 'DER', '-recip',
                        self.pem(reader + '.encrypt.pem'), '-inkey',
                        self.pem(reader + '.encrypt.key')],
                       base64.b64decode(body))
        except (RuntimeError, ValueError):
            return None
