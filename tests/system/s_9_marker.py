"""Last of all: no plain text lies anywhere on the disk."""

import subprocess

from daemon import Failed
from s_1_mail import MARKER


def test_no_plain_text(rig):
    for name in ('MAIL_DIR', 'STATE_DIR', 'LOG_DIR', 'SUBMITD_DIR'):
        done = subprocess.run(
            ['grep', '-rlF', MARKER.decode(), rig.env[name]],
            capture_output=True, text=True, check=False)
        if done.stdout:
            raise Failed('the marker stands in ' + done.stdout)
