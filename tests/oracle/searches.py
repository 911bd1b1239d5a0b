"""What the oracle asks with SEARCH, SORT and THREAD.

A question is a command with its literals in place.  Words come out of the
messages themselves, so that there is something to find; the same messages and
seed give the same questions.
"""

import email
import email.header
import email.utils
import random
import re

MONTHS = ("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()

# Sequence sets, of which every other one has UIDs.
SETS = ["1:*", "*", "3", "2,5:9,*:7", "7:3", "4:12,20", "999999", "1,999999:*"]

FLAGS = ["ALL", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "NEW", "OLD",
         "RECENT", "SEEN", "UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED",
         "UNSEEN", "KEYWORD $Plume", "UNKEYWORD $Plume", "KEYWORD other"]

SORTS = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO",
         "DISPLAYFROM", "DISPLAYTO"]

RETURNS = ["()", "(MIN)", "(MAX)", "(COUNT)", "(ALL)", "(MIN MAX)",
           "(COUNT ALL)", "(MIN MAX COUNT ALL)", "(MAX COUNT)"]

THREADS = ["REFERENCES", "ORDEREDSUBJECT", "REFS"]

# Words of most mails, in all that they can stand in.
COMMON = ["example", "@", ".com", "text/plain", "the ", "=?", "<", "\t", "  ",
          "base64", "charset", "a", "1", "--", "re:", "\u00e9", "\u00fc", "\u20ac"]


CONTENT = re.compile(
    rb"(CHARSET \S+ )?(BODY|TEXT|FROM|TO|CC|BCC|SUBJECT|HEADER [^ \r]+) "
    rb'("[^"]*"|\w+|\{\d+\+\}\r\n.*)', re.S)


class Question:
    """command: bytes behind the tag.  content: what is found depends on
    nothing but what is in the messages."""

    def __init__(self, command, content=False):
        self.command = command if isinstance(command, bytes) \
            else command.encode()
        self.content = content

    def __str__(self):
        return self.command.decode("utf-8", "backslashreplace").replace(
            "\r\n", " ")


def string(data):
    """As a quoted string, or as a literal where that cannot be."""
    if not re.search(rb'[^\x20-\x7e]|["\\]', data):
        return b'"' + data + b'"'
    return b"{%d+}\r\n" % len(data) + data


def date(when):
    return "%d-%s-%d" % (when[2], MONTHS[when[1] - 1], when[0])


def decoded(value):
    """A field's text, its encoded words decoded."""
    try:
        return "".join(
            t if isinstance(t, str) else t.decode(c or "latin-1", "replace")
            for t, c in email.header.decode_header(value))
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return value


def part_text(part):
    try:
        data = part.get_payload(decode=True) or b""
        charset = part.get_content_charset() or "latin-1"
        return data.decode(charset, "replace")
    except (LookupError, ValueError, AttributeError, AssertionError):
        return ""


def tidy(text):
    """What can be sent: no lone surrogates, replacements or NUL."""
    return re.sub("[\ud800-\udfff\ufffd\0]", "", text)


class Words:
    """What one message holds."""

    def __init__(self, message, rng):
        self.raw = message
        self.rng = rng
        try:
            parsed = email.message_from_bytes(message)
            self.fields = [(n, decoded(str(v))) for n, v in parsed.items()]
            parts = list(parsed.walk())
        except Exception:       # the parser has its own bad days
            self.fields, parts = [], []
        self.names = [n for n in (self.name_of(p) for p in parts) if n]
        self.texts = [t[:50000] for t in (part_text(p) for p in parts
                                  if not p.is_multipart()) if t.strip()]

    @staticmethod
    def name_of(part):
        try:
            return part.get_filename()
        except Exception:
            return None

    def stretch(self, text, most):
        """Some characters of a text, beginning anywhere."""
        at = self.rng.randrange(len(text))
        return text[at:at + self.rng.randint(2, most)]

    def word(self, text):
        found = re.findall(r"\w{3,20}", text)
        return self.rng.choice(found) if found else self.stretch(text, 8)

    def of_body(self):
        if not self.texts:
            return "nothing"
        text = self.rng.choice(self.texts)
        # Half of the time where it is not English.
        odd = [w for w in text.split() if not w.isascii()]
        if odd and self.rng.random() < 0.5:
            return self.rng.choice(odd)[:30]
        return self.word(text) if self.rng.random() < 0.6 \
            else self.stretch(text, 30)

    def of_raw(self):
        return self.stretch(self.raw.decode("latin-1"), 20)

    def field(self, name=None):
        """(name, value) of a field that is there."""
        found = [f for f in self.fields
                 if f[1] and (name is None or f[0].lower() == name)]
        return self.rng.choice(found) if found else (name or "X-None", "none")


def key(name, text, charset="utf-8"):
    return name.encode() + b" " + string(text.encode(charset, "replace"))


def varied(words, text):
    """Mostly as it is; in other letters, or not to be found.

    Where a body ends within a character, Dovecot 2.3 puts that half in front
    of the next body it looks into, be it another message's.  So CRLF is found
    behind half a character of UTF-16 that is a CR; a needle of white space
    alone is the one that often meets it."""
    if not text.strip():
        text = "nothing"
    dice = words.rng.random()
    if dice < 0.2:
        text = text.swapcase()
    elif dice < 0.3:
        text += words.rng.choice(["q", " ", "\u00e4", "e\u0301"])
    return tidy(text)


def content_key(words):
    """(text, bytes of the key in UTF-8 or None)."""
    rng = words.rng
    kind = rng.randrange(9)
    if kind <= 1:
        return "BODY", varied(words, words.of_body())
    if kind <= 3:
        return "TEXT", varied(words, words.of_body() if rng.random() < 0.5
                              else words.word(words.field()[1]))
    if kind == 4:
        return rng.choice(["TEXT", "BODY"]), varied(words, words.of_raw())
    if kind == 5:
        name = rng.choice(["subject", "from", "to", "cc", "bcc"])
        value = words.field(name)[1]
        return name.upper(), varied(
            words, words.word(value) if rng.random() < 0.5
            else words.stretch(value, 30))
    if kind <= 7 or not words.names:
        name, value = words.field()
        value = rng.choice(["", value, words.word(value),
                            words.stretch(value, 40)])
        name = name if re.fullmatch(r"[!#$&'+.0-9A-Z^_`a-z|~-]+", name) \
            else "Subject"
        return "HEADER " + name, varied(words, value)
    return rng.choice(["TEXT", "BODY"]), varied(words, rng.choice(words.names))


def leaf(words):
    """One key as bytes, in UTF-8 if it has words."""
    rng = words.rng
    dice = rng.random()
    if dice < 0.55:
        return key(*content_key(words))
    if dice < 0.65:
        return b"%s %d" % (rng.choice([b"LARGER", b"SMALLER"]),
                           len(words.raw) + rng.choice([-1, 0, 1]))
    if dice < 0.75:
        return sent_key(words)
    if dice < 0.9:
        return rng.choice(FLAGS).encode()
    return rng.choice(["", "UID "]).encode() + rng.choice(SETS).encode()


def sent_key(words):
    when = None
    for name, value in words.fields:
        if name.lower() == "date":
            when = email.utils.parsedate(value)
    if when is None or not 1 <= when[1] <= 12 or not 1 <= when[2] <= 31:
        when = (2006, 2, 3)
    day = max(1, min(28, when[2] + words.rng.choice([-1, 0, 0, 1])))
    return ("%s %s" % (
        words.rng.choice(["SENTBEFORE", "SENTON", "SENTSINCE"]),
        date((max(when[0], 1900), when[1], day)))).encode()


def tree(words, depth):
    rng = words.rng
    dice = rng.random()
    if depth == 0 or dice < 0.3:
        return leaf(words)
    if dice < 0.5:
        return b"NOT " + tree(words, depth - 1)
    if dice < 0.75:
        return b"OR %s %s" % (tree(words, depth - 1), tree(words, depth - 1))
    return b"(" + b" ".join(
        tree(words, depth - 1) for _ in range(rng.randint(1, 3))) + b")"


def repeats(program):
    """Dovecot 2.3 finds anything with "TEXT x NOT TEXT x", or "NEW NOT NEW",
    in some brackets, and nothing with TO where HEADER To stands before."""
    words = re.findall(rb'"[^"]+"|\{\d+\+\}[^ )]*|\b(?:%s)\b' % b"|".join(
        f.split()[0].encode() for f in FLAGS), program)
    fields = re.findall(rb"(?i)\bHEADER (from|to|cc|bcc) ", program)
    return len(words) > len(set(words)) or any(
        re.search(rb"(?<!HEADER )\b%s " % f.upper(), program) for f in fields)


def charset_for(program, rng):
    """A program with the charset in front that its words need."""
    if re.search(rb"[^\x00-\x7f]", program):
        return b"CHARSET UTF-8 " + program
    return rng.choice([b"", b"", b"CHARSET US-ASCII ", b"CHARSET UTF-8 "]) + \
        program


def search(program, uid=False, returns=None):
    return Question(
        (b"UID " if uid else b"") + b"SEARCH " +
        (b"RETURN %s " % returns.encode() if returns else b"") + program,
        CONTENT.fullmatch(program) is not None)


def drawn(words, count):
    """Questions about one message."""
    rng = words.rng
    for _ in range(count):
        dice = rng.random()
        if dice < 0.5:
            yield search(charset_for(key(*content_key(words)), rng),
                         rng.random() < 0.5)
        elif dice < 0.6:
            yield latin(words)
        elif dice < 0.7:
            yield search(leaf_pair(words), True)
        else:
            program = tree(words, 3)
            while repeats(program):
                program = tree(words, 3)
            yield search(charset_for(program, rng), rng.random() < 0.5,
                         rng.choice([None] * 6 + RETURNS))


def leaf_pair(words):
    """Two sizes or two days."""
    rng = words.rng
    if rng.random() < 0.5:
        return b"LARGER %d SMALLER %d" % (
            len(words.raw) - rng.randint(1, 300),
            len(words.raw) + rng.randint(0, 300))
    return sent_key(words) + b" " + sent_key(words)


def latin(words):
    """Words in the charset that a client of old has."""
    name, text = content_key(words)
    charset = words.rng.choice(["iso-8859-1", "ISO-8859-15", "windows-1252",
                                "koi8-r", "Shift_JIS", "UTF-8"])
    try:
        data = text.encode(charset)
    except UnicodeError:
        charset, data = "UTF-8", text.encode()
    return search(b"CHARSET %s %s %s" % (
        charset.encode(), name.encode(), string(data)),
        words.rng.random() < 0.5)


def each_key():
    """Every key with every set."""
    keys = list(FLAGS)
    for name in ["BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE"]:
        keys += [name + " 25-Nov-2025", name + ' "3-Mar-2005"',
                 name + " 1-Jan-1970"]
    for name in ["LARGER", "SMALLER"]:
        keys += [name + " 0", name + " 900", name + " 4294967295"]
    for name in ["BCC", "CC", "FROM", "TO", "SUBJECT", "BODY", "TEXT",
                 "HEADER Received", "HEADER X-None", "HEADER Message-ID",
                 "HEADER Content-Type", "HEADER Waxwing-Status"]:
        keys += [name + ' ""', name + ' "e"']
    for number, name in enumerate(keys):
        for which, numbers in enumerate(SETS[:4] + [""]):
            yield search((numbers + " " + name).strip().encode(),
                         (number + which) % 2 == 0)
    for numbers in SETS:
        yield search(b"TEXT e " + numbers.encode())
        yield search(b"NOT UID %s SUBJECT e" % numbers.encode(), True)
        yield search(numbers.encode(), True)


def common():
    for number, text in enumerate(COMMON):
        for which, name in enumerate(["BODY", "TEXT", "SUBJECT", "FROM",
                                      "HEADER Content-Type"]):
            program = key(name, text)
            yield search(program if text.isascii()
                         else b"CHARSET UTF-8 " + program,
                         (number + which) % 2 == 0)


def forms():
    for returns in RETURNS:
        for program in ["ALL", "TEXT e", "TEXT zqzqzq", "NOT SUBJECT re",
                        "3:9 FROM a SEEN"]:
            for uid in False, True:
                yield search(program.encode(), uid, returns)


def charsets():
    """And keys that are bad in one of them."""
    for charset in ["US-ASCII", "utf-8", "ISO-8859-1", '"iso-8859-2"',
                    "no-such-charset", '"x y"', "UTF-16", "utf-7"]:
        for program in [b'TEXT "the"', b"SUBJECT {2+}\r\n\xc3\xa9",
                        b"BODY {1+}\r\n\xe9", b"ALL",
                        b"FROM a OR TO {2+}\r\n\xc3\xbc CC b"]:
            for uid in False, True:
                yield search(b"CHARSET %s %s" % (charset.encode(), program),
                             uid)
    for program in [b"SUBJECT {2+}\r\n\xc3\xa9", b"BODY {1+}\r\n\xe9"]:
        yield search(program)


def sorts(every):
    orders = SORTS + ["REVERSE " + s for s in SORTS] + [
        "SUBJECT DATE", "REVERSE SIZE FROM", "FROM REVERSE DATE",
        "DISPLAYFROM SUBJECT", "DISPLAYTO REVERSE ARRIVAL", "CC TO",
        "REVERSE DATE SIZE REVERSE SUBJECT", "TO SUBJECT DATE",
        "ARRIVAL REVERSE SIZE"]
    programs = [b"US-ASCII ALL", b"UTF-8 TEXT e", b"UTF-8 NOT SUBJECT re SEEN",
                b"US-ASCII 2:20 LARGER 500", b"no-such-charset TEXT e",
                b"UTF-8 SUBJECT {2+}\r\n\xc3\xa9"]
    for number, order in enumerate(orders):
        for which, program in enumerate(programs):
            if not every and which > 0 and (number + which) % 5:
                continue
            returns = RETURNS[(number + which) % len(RETURNS)]
            for form in [b"", b"RETURN %s " % returns.encode()]:
                yield Question(
                    (b"UID " if (number + which) % 2 else b"") + b"SORT " +
                    form + b"(%s) " % order.encode() + program,
                    which < 2)


def threads():
    for name in THREADS:
        for number, program in enumerate([
                b"US-ASCII ALL", b"UTF-8 TEXT e", b"UTF-8 SUBJECT re",
                b"US-ASCII SEEN", b"UTF-8 NOT FROM b", b"UTF-8 TEXT zqzqzq",
                b"no-such-charset ALL", b"UTF-8 LARGER 600 UNDELETED"]):
            for uid in b"", b"UID ":
                yield Question(uid + b"THREAD " + name.encode() + b" " +
                               program, number < 4)


def wrong():
    """What is no command."""
    for text in ["SEARCH", "SEARCH TEXT", "SEARCH NO-SUCH-KEY", "SEARCH ()",
                 "SEARCH OR TEXT a", "SEARCH LARGER x", "SEARCH 0",
                 "SEARCH (TEXT a",
                 "SEARCH NOT", "SEARCH CHARSET", "SEARCH HEADER a",
                 "UID SEARCH RETURN (NONE) TEXT a", "SORT (DATE) TEXT a",
                 "SORT () UTF-8 TEXT a", "SORT (REVERSE) UTF-8 TEXT a",
                 "SORT (COLOUR) UTF-8 TEXT a", "THREAD UTF-8 TEXT a",
                 "THREAD NONE UTF-8 TEXT a", "SORT (DATE) UTF-8"]:
        yield Question(text)


def questions(messages, each, every, seed=1):
    """each: how many about every message; every: leave none out."""
    found = list(each_key()) + list(common()) + list(forms()) + \
        list(charsets())
    if not every:
        found = found[seed % 4::4]
    found += list(sorts(every)) + list(threads()) + list(wrong())
    for number, message in enumerate(messages):
        rng = random.Random("%d %d" % (seed, number))
        found += drawn(Words(message[:200000], rng), each)
    return found


# Messages that answer each other.

SUBJECTS = ["plumage", "Re: plumage", "RE:  plumage ", "Re[2]: plumage",
            "[birds] plumage", "Re: [birds] plumage", "Fwd: plumage",
            "[Fwd: plumage]", "plumage (fwd)", "Aw: plumage",
            "=?utf-8?q?Re=3A_plum=C3=A4ge?=", "plum\u00e4ge", "", "Re: ",
            "PLUMAGE", "Re: Fwd: [x] [y] plumage", "nest", "re: nest",
            "[nest]", "Re: [nest]", "FW: [z] nest (fwd) (fwd)"]

ADDRESSES = ["\"Waxwing, Anna\" <anna@example.test>", "anna@example.test",
             "=?iso-8859-1?q?J=F6rg?= <joerg@example.test>",
             "(Bohemian) bert@Example.Test", "Zoe <Bert@example.test>", "",
             "birds: anna@example.test, bert@example.test;",
             "\"anna\" <z@example.test>, bert@example.test", "<@a:b@c>"]


def conversation(count=40, seed=11):
    """[(name, message)]: threads that are broken in places."""
    rng = random.Random(seed)
    made = []
    for n in range(count):
        lines = ["Subject: " + rng.choice(SUBJECTS)]
        for name in ["From", "To", "Cc"]:
            if rng.random() < 0.8:
                lines.append("%s: %s" % (name, rng.choice(ADDRESSES)))
        if rng.random() < 0.9:
            lines.append("Date: %s, %d Nov 2026 %02d:%02d:00 %s" % (
                rng.choice(["Mon", "Tue"]), rng.randint(1, 28),
                rng.randrange(24), rng.randrange(60),
                rng.choice(["+0000", "-0700", "+0530", "GMT", ""])))
        if rng.random() < 0.9:
            lines.append("Message-ID: <talk%d@example.test>" % (
                n if rng.random() < 0.9 else rng.randrange(count)))
        before = ["<talk%d@example.test>" % rng.randrange(count)
                  for _ in range(rng.choice([0, 1, 1, 2, 4]))]
        if before:
            lines.append("%s: %s" % (
                rng.choice(["References", "References", "In-Reply-To"]),
                rng.choice([" ", "\r\n ", " x "]).join(before)))
        rng.shuffle(lines)
        text = "\r\n".join(lines) + "\r\n\r\nfeather %d\r\n" % n
        made.append(("talk-%d" % n, text.encode()))
    return made


def knots(count=36, seed=5):
    """[(name, message)]: at the same times, under the same Message-IDs, with
    references that go round in circles."""
    rng = random.Random(seed)
    made = []

    def ident():
        return rng.choice(["<k%d@x>"] * 12 + [
            "<K%d@x>", "<k%d @x>", "k%d@x", "<k%d>", "<\"k%d\"@x>",
            "<k(c)%d@x>", "<@%d>", "<k%d@x"]) % rng.randrange(12)

    for n in range(count):
        lines = ["Subject: " + rng.choice(SUBJECTS[:5])]
        if rng.random() < 0.6:
            lines.append("Date: Mon, %d Nov 2026 10:00:00 %s" % (
                rng.choice([1, 1, 2]), rng.choice(["+0000", "+0100", "GMT"])))
        elif rng.random() < 0.4:
            lines.append("Date: " + rng.choice(
                ["never", "", "1 Jan 1970 00:00:00 +0000",
                 "31 Dec 1969 23:00:00 +0000", "1 Jan 2300 00:00 +0000"]))
        if rng.random() < 0.9:
            lines.append("Message-ID: " + ident())
        for name, share in ("References", 0.7), ("In-Reply-To", 0.3):
            if rng.random() < share:
                lines.append("%s: %s" % (name, rng.choice([" ", "", ", "]).join(
                    ident() for _ in range(rng.choice([1, 1, 2, 3, 6])))))
        text = "\r\n".join(lines) + "\r\n\r\nknot %d\r\n" % n
        made.append(("knot-%d" % n, text.encode()))
    return made
