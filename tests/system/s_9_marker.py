"""Last of all: no plain text lies anywhere on the disk."""

import subprocess

from daemon import Failed
from s_1_mail import MARKER, expect

PLACES = ('MAIL_DIR', 'STATE_DIR', 'LOG_DIR', 'SUBMITD_DIR')
CONTROL = b'Nobody sealed this sentence.'


def files_with(rig, place, words):
    done = subprocess.run(
        ['grep', '-rlF', words.decode(), rig.env[place]],
        capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise Failed('grep: ' + done.stderr)
    return done.stdout


def test_no_plain_text(rig):
    rig.append(b'From: x@y.test\r\n\r\n' + CONTROL + b'\r\n', 'user2', 'Odd')
    expect(files_with(rig, 'MAIL_DIR', CONTROL),
           'what lies there in clear is not found either')
    expect(files_with(rig, 'MAIL_DIR', b'smime-type=enveloped-data'),
           'no sealed mail lies there')
    for place in PLACES:
        found = files_with(rig, place, MARKER)
        expect(not found, 'the marker stands in ' + found)
