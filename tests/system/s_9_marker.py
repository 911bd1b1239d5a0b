"""Last of all: no plain text lies anywhere on the disk, in no coat either."""

import base64
import os
import quopri
import re

from s_1_mail import MARKER, expect

PLACES = ('MAIL_DIR', 'STATE_DIR', 'LOG_DIR', 'SUBMITD_DIR')
CONTROL = b'nobody-sealed-this'


def middle64(word):
    """What is in base64 wherever the word is, for each place in a group."""
    for before in range(3):
        coded = base64.b64encode(b'-' * before + word)
        yield coded[-(-before * 8 // 6):(before + len(word)) * 8 // 6]


def coats(word):
    """Bytes, one of which is there if the word is."""
    found = []
    for text in (word, word.decode().encode('utf-16-le'),
                 word.decode().encode('utf-16-be'), word.upper()):
        found += [text] + list(middle64(text))
    return re.compile(b'|'.join(re.escape(f) for f in found))


def holds(data, wanted):
    return bool(wanted.search(data) or
                wanted.search(re.sub(rb'\s+', b'', data)) or
                wanted.search(quopri.decodestring(data)))


def files_with(rig, place, word):
    wanted = coats(word)
    found = []
    for top, _, names in os.walk(rig.env[place]):
        for name in names:
            path = os.path.join(top, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, 'rb') as f:
                    if holds(f.read(), wanted):
                        found.append(path)
    return found


def test_no_plain_text(rig):
    """After all that the clients of the other tests did."""
    head = b'From: x@y.test\r\nSubject: control\r\n'
    texts = [b'', b'Content-Transfer-Encoding: base64\r\n', b'', b'']
    bodies = [CONTROL, base64.encodebytes(b'xx' * 27 + CONTROL).replace(
        b'\n', b'\r\n'), b'nobody=2Dsea=\r\nled-this',
        CONTROL.decode().encode('utf-16-le').hex(' ').replace(
            ' ', '=').upper().encode().join([b'=', b''])]
    for more, body in zip(texts, bodies):
        rig.append(head + more + b'\r\n' + body + b'\r\n', 'user2', 'Odd')
    expect(len(files_with(rig, 'MAIL_DIR', CONTROL)) == len(bodies),
           'what lies there in clear is not found either')
    expect(files_with(rig, 'MAIL_DIR', b'smime-type=enveloped-data'),
           'no sealed mail lies there')
    for place in PLACES:
        found = files_with(rig, place, MARKER)
        expect(not found, 'the marker stands in %s' % found[:3])
