"""Broken mail, made of whole mail.  The same seed gives the same messages."""

import random
import re

SALT = [b"(", b")", b"<", b">", b"@", b",", b";", b":", b"\\", b'"', b".",
        b"[", b"]", b"=", b"*", b"%", b"'", b"\r\n ", b"\r\n\t", b"\r\n",
        b"\t", b" ", b"--", b"/", b"\xe9", b"\xc3\xa4", b"(a)",
        b'"a b"', b"a", b"?=", b"0*", b"*1*=", b"\r\n\r\n", b"=?utf-8?q?x?="]

LINES = [b"Content-Type: message/rfc822", b"Content-Type: multipart/digest",
         b"Content-Type: text", b"Content-Type: multipart", b"MIME-Version: 1",
         b"Content-Type: multipart/mixed; boundary=b", b"--b", b"--b--",
         b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII", b"no colon here",
         b" folded", b"From: a, b: c@d, \"e\" <f@g> ;, h", b"--",
         b"To: <@a,@b:c@d>, (x) y@z (n), .a.b.@c, undisclosed:;",
         b"Content-Disposition: a; b*0*=''%41; b*1=c; d*=e; f*2=g",
         b"Content-Language: en, de (x), fr", b"Content-ID: ", b"Subject:   ",
         b"Content-Transfer-Encoding: 8bit (x)", b"X: \"\\\"\\\"\\\"",
         b"Content- Type: text/html", b"Content-\xe9 : x", b"Content-: base64",
         b"Content-Type text/html: ", b"CONTENT-TRANSFER-ENCODING\t:base64",
         b"Content-Description: a\tb \"c\" \\", b"Reply-To:", b": x", b""]


def header_end(text):
    match = re.search(rb"\r?\n\r?\n", text)
    return match.end() if match else len(text)


def change_bytes(rng, text):
    # Mostly in the header: there the rules are.
    end = header_end(text) if rng.random() < 0.7 else len(text)
    at = rng.randrange(end + 1)
    cut = rng.choice([0, 0, 0, 1, 1, 2, 5])
    return text[:at] + rng.choice(SALT) + text[at + cut:]


def change_lines(rng, text, others):
    lines = text.split(b"\n")
    at = rng.randrange(len(lines))
    if rng.random() < 0.5:
        at = min(at, rng.randrange(30))
    kind = rng.randrange(6)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, rng.choice(lines))
    elif kind == 2:
        lines.insert(at, rng.choice(LINES) + b"\r")
    elif kind == 3:
        bounds = [line for line in lines if line.startswith(b"--")]
        lines.insert(at, rng.choice(bounds or [b"--b\r"]))
    elif kind == 4:
        lines.insert(at, rng.choice(rng.choice(others).split(b"\n")))
    else:
        del lines[at:at + rng.randrange(len(lines) - at + 1)]
    return b"\n".join(lines)


CHARSETS = [b"utf-16", b"UTF-7", b"x-unknown", b"iso-2022-jp", b"gb2312", b"",
            b"koi8-r", b"us-ascii", b"UTF-8", b"windows-1252", b'"iso-8859-1"',
            b"utf-8; charset=koi8-r", b"utf-32le", b"big5 (x)"]

ENCODINGS = [b"base64", b"quoted-printable", b"8bit", b"7bit", b"binary",
             b"BASE64 ", b"base64; x", b"(a) quoted-printable", b"x-uuencode",
             b'"base64"', b""]

ENCODED = [b"=?utf-8?b?w6TDtsO8?=", b"=?utf-8?b?w6TDtsO8", b"=?koi8-r?q?=C1=C2?=",
           b"=?utf-8?q?a_b?= =?utf-8?q?c?=", b"=?utf-8?b?w6?= =?utf-8?b?pA==?=",
           b"=?x?q?y?=", b"=?utf-16?b?AOQA9g==?=", b"=?utf-8*de?q?=C3=A4?=",
           b"=?iso-2022-jp?b?GyRCJCIbKEI=?=", b"=?utf-8?q?=E2=82=AC=zz?=",
           b"\"=?utf-8?q?quoted?=\"", b"(=?utf-8?q?comment?=)",
           b"=?utf-8?q?long_" + b"x" * 200 + b"?="]

STUFFING = [b"=", b"==", b" ", b"!", b"=\r\n", b"=zz", b"=3", b"=3d", b"\t\r\n",
            b"\xff\xfe", b"=C3", b"=A4", b"\x1b$B", b"&auml;", b"AAAA", b"&AOQ-"]

DATES = [b"1 Jan 70 00:00 EST", b"Fri, 31 Feb 2026 10:00 -0500", b"12:00",
         b"Mon, 2 Nov 2026 24:00:00 +0000", b"2 Nov 26 1:02:03 +0100 (CET)",
         b"31 Dec 1969 23:59:59 +0000", b"2 (x) Nov (y) 2026 10 : 00 Z"]


def set_value(rng, text, pattern, values):
    """Give another value to one of the places that a pattern finds."""
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    match = rng.choice(found)
    return text[:match.start(1)] + rng.choice(values) + text[match.end(1):]


def change_mime(rng, text):
    kind = rng.randrange(8)
    if kind == 0:
        return set_value(rng, text, rb"(?i)charset=([^\s;]*)", CHARSETS)
    if kind == 1:
        return set_value(rng, text, rb"(?i)transfer-encoding: *([^\r\n]*)",
                         ENCODINGS)
    if kind == 2:
        return set_value(rng, text, rb"(?i)\n(?:subject|from|to): *(\S*)",
                         ENCODED)
    if kind == 3:
        return set_value(rng, text, rb"(?i)\ndate: *([^\r\n]*)", DATES)
    if kind == 4:
        return set_value(rng, text, rb"(?i)boundary=([^\r\n]*)",
                         [b"", b'""', b'"b"', b"b", b"b " + b"x" * 80,
                          b'"b\\"c"', b"=_", b"'b'"])
    if kind == 5:
        # Inside of bodies, where the codings are.
        begin = header_end(text)
        at = rng.randrange(begin, len(text) + 1)
        return text[:at] + rng.choice(STUFFING) + text[at + rng.randrange(3):]
    if kind == 6:
        return (b"Subject: outside\r\nMIME-Version: 1.0\r\n"
                b"Content-Type: message/rfc822\r\n\r\n" + text)
    return (b"Subject: two\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=two\r\n\r\n"
            b"--two\r\nContent-Type: message/rfc822\r\n\r\n" + text +
            b"\r\n--two\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
            b"<p>w&ouml;rd</p>\r\n--two--\r\n")


def mutate(rng, text, others):
    for _ in range(rng.choice([1, 1, 2, 3, 5, 8])):
        dice = rng.random()
        if dice < 0.35:
            text = change_bytes(rng, text)
        elif dice < 0.65:
            text = change_mime(rng, text)
        else:
            text = change_lines(rng, text, others)
    # A server takes neither empty messages nor NUL.  Dovecot 2.3 miscounts
    # where a partial fetch begins behind a bare CR, and may even hang up.
    # Where a Subject is folded behind a blank it sorts by two of them.
    text = re.sub(rb"(?im)^(subject:.*?)[ \t]+(\r?\n[ \t])", rb"\1\2", text)
    return re.sub(rb"\r(?!\n)", b"", text).replace(b"\0", b"?") or b"\r\n"


def messages(originals, count, seed):
    rng = random.Random(seed)
    small = [m for m in originals if len(m) < 20000]
    return [mutate(rng, rng.choice(small), small) for _ in range(count)]
