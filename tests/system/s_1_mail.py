"""One user writes, another reads; the server sees ciphertext."""

import email
import email.policy
import os
import smtplib

from daemon import Failed

MARKER = b'plumage-4f1c'


def mail(subject, body, to='user2@example.test', more=b''):
    return (b'From: user1@example.test\r\nTo: ' + to.encode() +
            b'\r\nSubject: ' + subject.encode() +
            b'\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n'
            b'Message-ID: <' + subject.encode() + b'@example.test>\r\n' +
            more + b'MIME-Version: 1.0\r\n'
            b'Content-Type: text/plain; charset=us-ascii\r\n\r\n' + body)


def expect(condition, why):
    if not condition:
        raise Failed(why)


def find(session, subject):
    """The UID of the mail with a subject (the subject stays outside)."""
    ok, data = session.uid('SEARCH', 'SUBJECT', subject)
    uids = data[0].split()
    expect(ok == 'OK' and len(uids) == 1, 'SEARCH %s: %r' % (subject, data))
    return uids[0].decode()


def fetch(session, uid, items='(BODY.PEEK[])'):
    ok, data = session.uid('FETCH', uid, items)
    expect(ok == 'OK' and data[0] is not None, 'FETCH: %r' % (data,))
    return data[0][1]


def last(rig, subject):
    found = [e for e in rig.submitted()
             if b'Subject: ' + subject.encode() in rig.text_of(e)]
    expect(found, 'nothing was sent')
    return found


def parse(text):
    return email.message_from_bytes(text, policy=email.policy.default)


def test_plain_text(rig):
    """Sealed on the way, opened for the reader, marked as signed."""
    rig.send(mail('first', MARKER + b'\r\n'))
    sent = rig.text_of(last(rig, 'first')[0])
    expect(b'application/pkcs7-mime' in sent, 'not sealed')
    expect(MARKER not in sent, 'the marker went upstream')
    c = rig.imap('user2')
    view = fetch(c, find(c, 'first'))
    c.logout()
    m = parse(view)
    expect(m.get_content().encode().strip() == MARKER, 'not the text')
    expect('smime=pass' in str(m['Authentication-Results']),
           'not shown as signed: %s' % m['Authentication-Results'])


def test_attachment(rig):
    blob = os.urandom(300000)
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m['From'], m['To'] = 'user1@example.test', 'user2@example.test'
    m['Subject'] = 'attached'
    m.set_content('See the attachment, ' + MARKER.decode())
    m.add_attachment(blob, 'application', 'octet-stream',
                     filename='blob.bin')
    rig.send(bytes(m))
    c = rig.imap('user2')
    uid = find(c, 'attached')
    got = parse(fetch(c, uid))
    size = c.uid('FETCH', uid, '(RFC822.SIZE)')[1][0]
    length = len(fetch(c, uid))
    c.logout()
    parts = list(got.iter_attachments())
    expect(len(parts) == 1 and parts[0].get_content() == blob,
           'not the attachment')
    expect(b'RFC822.SIZE %d' % length in size, 'size: %r' % size)


def test_large(rig):
    """What is decoded while the server still sends it is the same."""
    blob = os.urandom(6000000)
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m['From'], m['To'] = 'user1@example.test', 'user2@example.test'
    m['Subject'] = 'large'
    m.set_content(MARKER.decode())
    m.add_attachment(blob, 'application', 'octet-stream',
                     filename='blob.bin')
    rig.send(bytes(m))
    # The sender's copy: what comes to an INBOX is opened before it is asked
    # for, and the opener has to be there, with nothing to do.
    for subject in ('attached', 'large'):
        rig.append(rig.text_of(last(rig, subject)[0]), 'user1', 'Large')
    c = rig.imap('user1', box='Large')
    fetch(c, '1')
    before = rig.log().count('early=1')
    rig.ctl('log-level', 'debug')
    got = parse(fetch(c, '2'))
    rig.ctl('log-level', 'info')
    c.logout()
    expect(rig.log().count('early=1') > before, 'it was not decoded early')
    parts = list(got.iter_attachments())
    expect(len(parts) == 1 and parts[0].get_content() == blob,
           'not the attachment')


def test_bcc_apart(rig):
    """A blind recipient has a ciphertext of its own and stands nowhere."""
    rig.send(mail('blind', MARKER, more=b'Bcc: user3@example.test\r\n'),
             rcpts=('user2', 'user3'))
    sent = last(rig, 'blind')
    expect(len(sent) == 2, '%d transactions' % len(sent))
    expect(sorted(e['rcpts'] for e in sent) == [
        ['user2@example.test'], ['user3@example.test']], 'recipients')
    for entry in sent:
        expect(b'user3' not in rig.text_of(entry), 'the blind one is named')
    for user in ('user2', 'user3'):
        c = rig.imap(user)
        view = fetch(c, find(c, 'blind'))
        c.logout()
        expect(MARKER in view, '%s cannot read it' % user)
        # What the reader's own server put on top names the reader.
        expect(b'user3' not in view[view.index(b'\r\nFrom:'):],
               'the blind one is named inside')


def test_sender_can_read(rig):
    """The sender is a recipient of the ciphertext too."""
    rig.send(mail('own', MARKER))
    sent = rig.text_of(last(rig, 'own')[0])
    uid = rig.append(sent, 'user1')
    c = rig.imap('user1')
    view = fetch(c, str(uid))
    c.logout()
    expect(MARKER in view, 'the sender cannot read it')


def test_no_certificate(rig):
    """Under "required": refused at RCPT, by name, nothing sent."""
    before = len(rig.submitted())
    try:
        rig.send(mail('stranger', MARKER, 'who@required.test'),
                 rcpts=('who@required.test',))
    except smtplib.SMTPRecipientsRefused as e:
        code, text = e.recipients['who@required.test']
        expect(code == 550 and text.startswith(b'5.7.10') and
               b'who@required.test' in text, 'answer: %r' % (text,))
    else:
        raise Failed('it was taken')
    expect(len(rig.submitted()) == before, 'something was sent')


def test_wrong_password(rig):
    try:
        rig.env['PASSWORD'] += 'x'
        rig.imap('user2')
    except Exception as e:
        expect('AUTHENTICATIONFAILED' in str(e), 'answer: %s' % e)
    else:
        raise Failed('let in')
    finally:
        rig.env['PASSWORD'] = rig.env['PASSWORD'][:-1]


def test_plain_mail_is_untouched(rig):
    """What is not ours passes byte for byte, odd things and all."""
    odd = (b'from: x@y.test\r\nSubject:  odd \r\n'
           b'Content-Type: multipart/signed; boundary=b\r\n\r\n'
           b'pre\r\n--b\r\n\r\nText \r\n--b\r\n\r\nno end')
    uid = str(rig.append(odd, 'user2', 'Odd'))
    direct = rig.imap('user2', direct=True, box='Odd')
    through = rig.imap('user2', box='Odd')
    for items in ('(BODY.PEEK[])', '(BODYSTRUCTURE)', '(ENVELOPE)',
                  '(RFC822.SIZE)', '(BODY.PEEK[1])'):
        a = direct.uid('FETCH', uid, items)
        b = through.uid('FETCH', uid, items)
        expect(a == b, '%s: %r is not %r' % (items, b, a))
    direct.logout()
    through.logout()
