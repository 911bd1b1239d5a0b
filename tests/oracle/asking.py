"""SEARCH, SORT and THREAD of a mailbox that Waxwing opens, and of its twin."""

import re

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\Draft", "$Plume",
         "other"]


def flags_for(number):
    """Some, so that each is on some messages and no two on the same ones."""
    return " ".join(flag for bit, flag in enumerate(FLAGS)
                    if number * 2654435761 >> (7 + 2 * bit) & 1)


def date_for(number):
    """INTERNALDATE: not in the order of the numbers, on several days."""
    return "%02d-Nov-2025 %02d:00:00 +0000" % (20 + number * 7 % 10,
                                               number * 5 % 24)


def found_by(answer):
    """The numbers in a result, to say how two of them differ."""
    found = set()
    for lo, hi in re.findall(rb"[ (,](\d+)(?::(\d+))?", answer[0]):
        found.update(range(int(lo), min(int(hi or lo), int(lo) + 5000) + 1))
    return found


def why(names, want, got, shift):
    """The messages that only one of them found."""
    out = []
    for what, more in (("missed", found_by(want) - found_by(got)),
                       ("too many", found_by(got) - found_by(want))):
        known = [names[n - 1 - shift] for n in sorted(more)
                 if 0 < n - shift <= len(names)]
        if more:
            out.append("    %s: %s" % (what, ", ".join(
                name.rpartition("/")[2] for name in known[:5])))
    if not out:
        numbers = [re.findall(rb"\d+", answer[0]) for answer in (want, got)]
        out += ["    first other: want %s, got %s" % tuple(
            names[int(n) - 1 - shift].rpartition("/")[2] for n in pair)
                for pair in zip(*numbers) if pair[0] != pair[1] and
                max(map(int, pair)) - shift <= len(names)][:1]
    return "\n".join(out)


def threads(answer):
    """The threads of an answer, whatever their order."""
    found, depth, begin = [], 0, 0
    for at, byte in enumerate(answer):
        if byte == 40:
            begin = begin if depth else at
            depth += 1
        elif byte == 41:
            depth -= 1
            if depth == 0:
                found.append(answer[begin:at + 1])
    return sorted(found)


def same(question, want, got):
    """Where REFS is asked about some messages, threads that lack their first
    one and are equally new stand in the order in which Dovecot met their
    Message-IDs, perhaps in messages that were not asked about, or are gone.
    All else is equal in each byte."""
    if want == got:
        return True
    return (b"THREAD REFS" in question.command and
            not question.command.endswith(b" ALL") and
            want[1:] == got[1:] and threads(want[0]) == threads(got[0]))


def alone(question, theirs, want, got):
    """Dovecot 2.3 takes what a body broke off within a character, and its
    charset, along to the next message: did we answer about a few messages as
    it does when it looks at nothing else?"""
    m = re.match(rb"(UID )?SEARCH (CHARSET \S+ )?(?!RETURN)(.*)",
                 question.command, re.S)
    other = found_by(want) ^ found_by(got)
    if m is None or want[1:] != got[1:] or len(other) > 3:
        return False
    uid, charset, program = (group or b"" for group in m.groups())
    return all((n in found_by(theirs.ask(b"%sSEARCH %s%s%d (%s)" % (
        uid, charset, uid, n, program)))) == (n in found_by(got))
        for n in other)


def ask(judge, question, theirs, ours, where):
    want = theirs.ask(question.command)
    got = ours.ask(question.command)
    if same(question, want, got) or alone(question, theirs, want, got):
        got = want
    # The first message is gone: see Rig.fill().
    shift = 1 if question.command.startswith(b"UID") else 0
    judge.question("%s: %s" % (where, question), want, got,
                   lambda: why(judge.names, want, got, shift))
