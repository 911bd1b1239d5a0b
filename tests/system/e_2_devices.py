"""Several devices of one user; years; a cloud that is silent."""

import json
import smtplib
import time

from daemon import Failed
from device import Device, enrol, keys, login, record, wait_enrolled, wait_for
from e_1_first import inbox, letter
from s_1_mail import MARKER, expect, fetch, find
from s_8_append import append, boxes, read, same, stored

DAY = 86400


def reads(device, user, *subjects):
    c = device.imap(user)
    for subject in subjects:
        view = fetch(c, find(c, subject))
        expect(MARKER in view, '%s: not opened: %r' % (subject, view[:400]))
        expect(b'signature=good' in view, '%s: %r' % (subject, view[:400]))
    c.logout()


def release_log(device, user):
    return json.loads(device.ctl('release-log', user + '@example.test',
                                 '--json').stdout)


def current(rig, user, now):
    """Serials of the valid, unrevoked certificates in the CA's store."""
    gone = rig.store('revoked')
    hosted = rig.store('hosted').get(user + '@example.test', {'certs': []})
    encrypt = {c['serial'] for c in hosted['certs']}
    found = {'sign': [], 'encrypt': []}
    for cert in rig.store('cert').values():
        if cert['mailbox'] == user + '@example.test' and \
                cert['until'] > now and cert['serial'] not in gone:
            kind = 'encrypt' if cert['serial'] in encrypt else 'sign'
            found[kind].append(cert['serial'])
    return found


def test_second_device(rig):
    """The same encryption key, another signing key, and old mail opens."""
    enrol(rig, 'user1', 'user2')
    rig.send(letter('early', 'user2', 'user1'), 'user2', ['user1'])
    before = len(release_log(rig, 'user1'))
    with Device(rig, 'laptop') as d:
        enrol(d, 'user1')
        old, new = keys(rig, 'user1'), keys(d, 'user1')
        expect(old['encrypt'] == new['encrypt'],
               'other encryption keys: %r %r' % (old, new))
        expect(len(new['sign']) == 1 and old['sign'] != new['sign'],
               'signing keys: %r %r' % (old, new))
        reads(d, 'user1', 'early')
        with d.smtp('user1') as c:
            c.sendmail('user1@example.test', ['user2@example.test'],
                       letter('laptop', 'user1', 'user2'))
        reads(rig, 'user2', 'laptop')
        expect(inbox(rig, 'user1').count('Subject: early') == 1 and
               len(inbox(rig, 'user1')) == 1, 'INBOX holds more')
        log = release_log(rig, 'user1')
        expect(len(log) == before + 1, 'the log: %r' % log)
    # The first device is told after a while, at a login.
    try:
        rig.clock(3600)
        login(rig, 'user1')
        wait_for('release in the status', lambda: (
            record(rig, 'user1') or {}).get('releases', 0) == before + 1)
    finally:
        rig.clock(0)


def test_draft_elsewhere(rig):
    """A draft of one device is the other's byte for byte, and stays sealed
    when that one moves it by hand."""
    enrol(rig, 'user1')
    boxes(rig, 'user1', 'Drafts', 'Archive')
    draft = letter('begun', 'user1', 'user2')
    with Device(rig, 'phone') as d:
        enrol(d, 'user1')
        c = rig.imap('user1')
        uid = append(c, 'Drafts', draft)
        c.logout()
        c = d.imap('user1')
        same(read(c, 'Drafts', uid), draft, 'the draft')
        moved = append(c, 'Archive', draft)
        same(read(c, 'Archive', moved), draft, 'the moved draft')
        c.logout()
    expect(MARKER not in stored(rig, 'user1', 'Archive', moved),
           'it was moved in clear')


def test_two_at_once(rig):
    """Two devices that begin together: one encryption key."""
    with Device(rig, 'left') as left, Device(rig, 'right') as right:
        login(left, 'user6')
        login(right, 'user6')
        wait_enrolled(left, 'user6')
        wait_enrolled(right, 'user6')
        a, b = keys(left, 'user6'), keys(right, 'user6')
        expect(a['encrypt'] == b['encrypt'] and len(a['encrypt']) == 1,
               'encryption keys: %r %r' % (a, b))
        expect(inbox(rig, 'user6') == [], 'INBOX: %r' % inbox(rig, 'user6'))


def test_lookup(rig):
    """Somebody of another installation is found in the directory."""
    enrol(rig, 'user1')
    with Device(rig, 'abroad') as d:
        enrol(d, 'user7')
    rig.ctl('lookup', 'user7@example.test')
    rig.send(letter('abroad', 'user1', 'user7'), 'user1', ['user7'])
    expect(MARKER not in rig.text_of(rig.submitted()[-1]), 'in clear')


def test_180_days(rig):
    """Sealed to yesterday, never in clear because the cloud is silent."""
    enrol(rig, 'user1')
    expect('recent=yes' in rig.ctl('lookup', 'user7@example.test').stdout,
           'user7 is not known')
    rig.cloud_stop()
    try:
        rig.clock(20 * DAY)
        count = len(rig.submitted())
        try:
            rig.send(letter('silence', 'user1', 'user7'), 'user1', ['user7'])
        except smtplib.SMTPRecipientsRefused as e:
            code = list(e.recipients.values())[0][0]
        except smtplib.SMTPResponseException as e:
            code = e.smtp_code
        else:
            raise Failed('sent: %r' % rig.text_of(rig.submitted()[-1])[:300])
        expect(code == 451, 'refused with %d' % code)
        expect(len(rig.submitted()) == count, 'it was sent')
    finally:
        rig.clock(0)
        rig.cloud_start()


def test_revoke(rig):
    """What is revoked is replaced, and nothing else; the past is let be."""
    enrol(rig, 'user7')
    now = int(time.time())
    first, had = current(rig, 'user7', now), keys(rig, 'user7')
    sign, = had['sign']

    def revoke(print_, *more):
        rig.ctl('revoke', print_, *more)
        time.sleep(0.3)
        wait_enrolled(rig, 'user7')
        return current(rig, 'user7', now)

    second = revoke(sign)
    expect(len(second['sign']) == len(first['sign']) and
           len(set(second['sign']) - set(first['sign'])) == 1 and
           second['encrypt'] == first['encrypt'], 'signing: %r' % second)
    count = len(rig.store('cert'))
    expect(revoke(sign, '--account', 'user7@example.test') == second,
           'again: %r' % second)
    expect(len(rig.store('cert')) == count, 'certificates for a past one')
    third = revoke(had['encrypt'][0])
    expect(third['sign'] == second['sign'] and len(third['encrypt']) == 1 and
           third['encrypt'] != second['encrypt'], 'encryption: %r' % third)
    expect(len(rig.store('cert')) == count + 1, 'more than one new')
    expect(len(keys(rig, 'user7')['encrypt']) == 2, 'the old one is gone')


def test_log_pages(rig):
    """A release log of several pages is shown whole."""
    enrol(rig, 'user1')
    whole = release_log(rig, 'user1')
    expect(len(whole) > 1, 'a short log: %r' % whole)
    with open(rig.env['CLOUD_CONF'], encoding='ascii') as conf:
        text = conf.read()
    try:
        for entries in (1, 2):
            with open(rig.env['CLOUD_CONF'], 'w', encoding='ascii') as conf:
                conf.write(text + '\n[kms]\nlog_entries = %d\n' % entries)
            rig.cloud_stop()
            rig.cloud_start()
            expect(release_log(rig, 'user1') == whole, 'not the whole')
    finally:
        with open(rig.env['CLOUD_CONF'], 'w', encoding='ascii') as conf:
            conf.write(text)
        rig.cloud_stop()
        rig.cloud_start()


def test_renewal(rig):
    """Three renewals on two devices; all old mail opens on both."""
    sent = ['year0']
    enrol(rig, 'user8', 'user9')
    rig.send(letter('year0', 'user8', 'user9'), 'user8', ['user9'])
    with Device(rig, 'desk') as d:
        try:
            enrol(d, 'user9')
            for year in (1, 2, 3):
                rig.clock(year * 280 * DAY)
                for device in (rig, d):
                    old = keys(device, 'user9')
                    login(device, 'user9')
                    if device is rig:
                        login(rig, 'user8')
                        wait_enrolled(rig, 'user8')
                    wait_for('new signing key', lambda dev=device, o=old:
                             keys(dev, 'user9')['sign'] != o['sign'])
                    wait_enrolled(device, 'user9')
                subject = 'year%d' % year
                rig.send(letter(subject, 'user8', 'user9'), 'user8',
                         ['user9'])
                sent.append(subject)
                for device in (rig, d):
                    c = device.imap('user9')
                    for name in sent:
                        expect(MARKER in fetch(c, find(c, name)),
                               '%s does not open' % name)
                    c.logout()
            mine, other = keys(rig, 'user9'), keys(d, 'user9')
            expect(sorted(mine['encrypt']) == sorted(other['encrypt']),
                   'encryption keys: %r %r' % (mine, other))
            expect(len(mine['encrypt']) == 4 and len(mine['sign']) == 1,
                   'keys after three renewals: %r' % mine)
            expect(inbox(rig, 'user9') == ['Subject: ' + s for s in sent],
                   'INBOX: %r' % inbox(rig, 'user9'))
        finally:
            rig.clock(0)
