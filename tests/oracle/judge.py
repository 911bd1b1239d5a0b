"""What was compared, what differed, and which differences are right."""

import os
import re
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def first_difference(a, b):
    n = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
             min(len(a), len(b)))
    lo = max(0, n - 60)
    return "at %d of %d/%d\n    want %r\n    got  %r" % (
        n, len(a), len(b), a[lo:n + 150], b[lo:n + 150])


def brief(answer):
    """A question's answer, to be read."""
    result, condition, code = answer
    return "%s%s%s" % (
        (condition + b" " + (code or b"")).decode("latin-1"),
        ": " if result else "",
        result.decode("latin-1").replace("\r\n", " ")[:300])


def read_exceptions(name):
    """[(item, difference)]: patterns of differences that are known."""
    rules = []
    with open(name, "rb") as f:
        for line in f:
            if line.strip() and not line.startswith(b"#"):
                item, want, got = line.rstrip(b"\n").split(b"\t")
                rules.append((re.compile(item),
                              re.compile(want + rb"\0" + got, re.S)))
    return rules


class Judge:
    """Counts messages and questions; a message passes when all its items are
    equal."""

    def __init__(self, names, quiet=False):
        self.quiet = quiet
        self.names = names
        self.failed = {}
        self.asked = 0
        self.wrong = []
        self.right = []
        self.excepted = 0
        self.rules = read_exceptions(os.path.join(HERE, "EXCEPTIONS"))

    def known(self, item, want, got):
        return any(i.fullmatch(item.encode()) and
                   d.fullmatch(want + b"\0" + got) for i, d in self.rules)

    def compare(self, number, item, want, got):
        if want == got:
            return
        if want and got and self.known(item, want, got):
            self.excepted += 1
            return
        name = self.names[number - 1]
        if name not in self.failed:
            self.failed[name] = []
        self.failed[name].append(item)
        if (self.quiet or len(self.failed[name]) > 3 or
                len(self.failed) > 25):
            return
        print("oracle: %s\n  %s %s" % (
            name, item, first_difference(want or b"", got or b"")))

    def question(self, name, want, got, why):
        """A question was answered; why() tells how two answers differ."""
        if self.quiet and want[1] != b"OK":
            return              # a refusal cannot be turned into another
        self.asked += 1
        if want == got:
            self.right.append(name)
            return
        if self.known(name, want[0], got[0]):
            self.excepted += 1
            return
        self.wrong.append(name)
        if not self.quiet and len(self.wrong) <= 40:
            print("oracle: %s\n    want %s\n    got  %s\n%s" % (
                name, brief(want), brief(got), why()))

    def figures(self, good, bad, begin):
        print("oracle: %d messages, %d questions" % (
            len(self.names), self.asked))
        print("oracle: %d passed, %d failed (%.1f s)" % (
            good, bad, time.monotonic() - begin))
        return 1 if bad or not self.names else 0

    def verdict(self, begin):
        if self.excepted:
            print("oracle: %d known differences, see EXCEPTIONS"
                  % self.excepted)
        bad = len(self.failed) + len(self.wrong)
        return self.figures(len(self.names) + self.asked - bad, bad, begin)

    def inverted(self, begin):
        """The verdict where every message and question has to fail."""
        missed = [name for name in self.names if name not in self.failed]
        missed += self.right
        for name in missed[:10]:
            print("oracle: not noticed: %s" % name)
        return self.figures(len(self.failed) + len(self.wrong), len(missed),
                            begin)
