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


def mutate(rng, text, others):
    for _ in range(rng.choice([1, 1, 2, 3, 5, 8])):
        if rng.random() < 0.5:
            text = change_bytes(rng, text)
        else:
            text = change_lines(rng, text, others)
    # A server takes neither empty messages nor NUL.  Dovecot 2.3 miscounts
    # where a partial fetch begins behind a bare CR, and may even hang up.
    return re.sub(rb"\r(?!\n)", b"", text).replace(b"\0", b"?") or b"\r\n"


def messages(originals, count, seed):
    rng = random.Random(seed)
    small = [m for m in originals if len(m) < 20000]
    return [mutate(rng, rng.choice(small), small) for _ in range(count)]
