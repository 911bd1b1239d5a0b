"""Sealing with the openssl command, and the view that has to come of it.

Nothing here shares code with src/: it says the rule a second time.
"""

import base64
import os
import re
import subprocess

# Each message gets the next of these.  Unsigned under CBC only text/plain
# comes out as it was; for other messages another one is taken.
VARIANTS = ["cbc-signed", "gcm", "cbc-opaque", "opaque", "gcm-signed", "cbc"]

CLAIMS = re.compile(rb"waxwing-status[ \t]*:", re.I)


def divide(message):
    """(fields, body): the header as whole fields, and what follows it."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+", message)
    fields = []
    for number, line in enumerate(lines):
        if line in (b"\r\n", b"\n"):
            return fields, b"".join(lines[number + 1:])
        if line[:1] in b" \t" and fields:
            fields[-1] += line
        else:
            fields.append(line)
    return [f if f.endswith(b"\n") else f + b"\r\n" for f in fields], b""


def name(field):
    first = field.split(b"\n")[0]
    return first[:first.index(b":")].rstrip(b" \t").lower() \
        if b":" in first else b""


def of_entity(field):
    return name(field).startswith(b"content-") or name(field) == b"mime-version"


def media_type(message):
    """The type; of a message with several of them, none."""
    found = [f for f in divide(message)[0] if name(f) == b"content-type"]
    if len(found) > 1:
        return None
    for field in found:
        value = field[field.index(b":") + 1:]
        return re.sub(rb"\s", b"", value.split(b";")[0]).lower()
    return b"text/plain"


def fit(message):
    """Would a sealed copy show exactly this message?  What is S/MIME already
    is opened further, and protected fields move."""
    return not re.search(
        rb"pkcs7-mime|\.p7m|multipart/signed|[;\s]hp=",
        b"".join(divide(message)[0]).lower())


def entity(message):
    """The part of a message that goes inside."""
    fields, body = divide(message)
    inside = [f for f in fields if name(f).startswith(b"content-")]
    return b"".join(inside) + b"\r\n" + body


def outer(message):
    return [f for f in divide(message)[0] if not of_entity(f)]


def view(message, status):
    """What the reader has to get for a sealed copy of message."""
    outside = [f for f in outer(message)
               if f[:1] not in b" \t" and not CLAIMS.match(f)]
    return status + b"".join(outside) + entity(message)


def lines64(data):
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def wrap(der, kind):
    return (b"Content-Type: application/pkcs7-mime; smime-type=" + kind +
            b"; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n"
            b"\r\n" + lines64(der))


class Sealer:
    def __init__(self, cert_dir, user):
        self.encrypt_cert = os.path.join(cert_dir, user + ".encrypt.pem")
        short = os.path.join(cert_dir, user.split("@")[0] + ".sign")
        self.sign = ["-signer", short + ".pem", "-inkey", short + ".key"]

    def cms(self, args, data):
        return subprocess.run(
            ["openssl", "cms", "-binary", "-outform", "DER"] + args,
            input=data, stdout=subprocess.PIPE, check=True).stdout

    def opaque(self, data):
        der = self.cms(["-sign", "-nodetach", "-md", "sha256"] + self.sign,
                       data)
        return wrap(der, b"signed-data")

    def signed(self, data):
        der = self.cms(["-sign", "-md", "sha256"] + self.sign, data)
        line = b"--=_oracle_boundary_of_signature"
        return (b"Content-Type: multipart/signed; micalg=sha-256;\r\n"
                b' protocol="application/pkcs7-signature";\r\n'
                b' boundary="' + line[2:] + b'"\r\n\r\n' +
                line + b"\r\n" + data + b"\r\n" + line + b"\r\n"
                b"Content-Type: application/pkcs7-signature; name=smime.p7s"
                b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                lines64(der) + line + b"--\r\n")

    def seal(self, message, variant):
        """(sealed message, the cipher that its status has to name)"""
        inside = entity(message)
        cipher = None
        if variant.endswith("opaque"):
            inside = self.opaque(inside)
        elif variant.endswith("signed"):
            inside = self.signed(inside)
        if variant.startswith("cbc"):
            cipher = b"AES-256-CBC"
            inside = wrap(self.cms(
                ["-encrypt", "-aes-256-cbc", self.encrypt_cert], inside),
                b"enveloped-data")
        elif variant.startswith("gcm"):
            cipher = b"AES-256-GCM"
            inside = wrap(self.cms(
                ["-encrypt", "-aes-256-gcm", self.encrypt_cert], inside),
                b"authEnveloped-data")
        return (b"".join(outer(message)) + b"MIME-Version: 1.0\r\n" + inside,
                cipher or b"none")


def variant_for(number, message):
    variant = VARIANTS[number % len(VARIANTS)]
    if variant == "cbc" and media_type(message) != b"text/plain":
        return "gcm"
    return variant


FIELD = rb"[\x20-\x7e]*\r\n(?:[ \t][\x20-\x7e]+\r\n)*"
STATUS = re.compile(
    rb"Authentication-Results: [\x21-\x3a\x3c-\x7e]+; smime=[a-z]+" + FIELD +
    rb"Waxwing-Status: opened; encryption=([A-Za-z0-9-]+); signature=([a-z]+)"
    + FIELD)


def status_of(text):
    """(status fields, cipher, signature) at the top of a view, or None."""
    match = STATUS.match(text)
    if not match or match.end() > 2000:
        return None
    return match.group(0), match.group(1), match.group(2)
