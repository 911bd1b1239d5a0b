"""A Dovecot for one mailbox, spoken to over its standard input and output."""

import os
import subprocess
import tempfile

from imapio import Imap

IMAP = "/usr/lib/dovecot/imap"
CONF = """base_dir = {dir}/run
log_path = {dir}/log
mail_location = {store}:{dir}/mail
ssl = no
first_valid_uid = 1
default_login_user = nobody
default_internal_user = nobody
"""


def ordinary():
    """What makes Popen run as a user: Dovecot will not read mail as root."""
    if os.getuid() != 0:
        return {}
    return {"user": 65534, "group": 65534, "extra_groups": []}


class Dovecot:
    def __init__(self, store="mdbox"):
        self.tmp = tempfile.TemporaryDirectory(prefix="oracle-")
        top = self.tmp.name
        os.chmod(top, 0o777)
        conf = os.path.join(top, "dovecot.conf")
        with open(conf, "w") as f:
            f.write(CONF.format(dir=top, store=store))
        self.process = subprocess.Popen(
            [IMAP, "-c", conf], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={"USER": "oracle", "HOME": top,
                                             "PATH": os.environ["PATH"]},
            **ordinary())
        self.imap = Imap(self.process.stdout, self.process.stdin)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait(20)
        self.process.stdout.close()
        self.tmp.cleanup()
