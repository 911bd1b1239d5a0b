"""What was read once is known: listing opens nothing, also after a restart."""

import imaplib
import json
import os
import signal

from s_1_mail import expect, mail

COUNT = 12
ITEMS = ('(UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE '
         'BODY.PEEK[HEADER.FIELDS (SUBJECT X-NONE)] BODY.PEEK[HEADER])')


def status(rig, what):
    state = json.loads(rig.ctl('--json', 'status').stdout)
    found = [r[what] for r in state['roles'] if r.get('role') == 'proxy']
    expect(len(found) == 1, 'status: %r' % state)
    return found[0]


def listing(rig, items=ITEMS, numbers=True):
    c = rig.imap('user4', readonly=True)
    ok, data = (c.fetch('1:*', items) if numbers else
                c.uid('FETCH', '1:*', items))
    c.logout()
    expect(ok == 'OK', 'FETCH: %r' % (data,))
    return [d if isinstance(d, tuple) else (d,) for d in data]


def restart(rig):
    old = rig.roles('proxy')
    rig.wait('facts', lambda: not status(rig, 'facts_waiting'))
    os.kill(old[0], signal.SIGKILL)

    def there():
        if rig.roles('proxy') in ([], old):
            return False
        try:
            rig.imap('user4', box=None).logout()
        except (OSError, imaplib.IMAP4.error):
            return False
        return True
    rig.wait('proxy', there)


def test_listing_opens_none(rig):
    """Of so many sealed messages each is opened once, for ever."""
    # The daemon may open them by itself, before anybody asks.
    before = status(rig, 'opened')
    for i in range(COUNT):
        rig.send(mail('known-%d' % i, b'hello %d\r\n' % i), rcpts=('user4',))
    first = listing(rig)
    expect(len([d for d in first if b'ENVELOPE' in d[0]]) == COUNT, 'too few')
    expect(status(rig, 'opened') == before + COUNT, 'not opened once each')
    expect(listing(rig) == first, 'another second list')
    expect(listing(rig, numbers=False), 'no list')
    expect(status(rig, 'opened') == before + COUNT, 'opened again')
    restart(rig)
    expect(listing(rig) == first, 'another list after a restart')
    expect(status(rig, 'opened') == 0, 'opened again after a restart')
    expect(status(rig, 'probed') == 0, 'asked about again after a restart')


def test_facts_tell_the_view(rig):
    """The lengths of what is listed are those of what is read."""
    c = rig.imap('user4', readonly=True)
    ok, data = c.uid('FETCH', '1:*', '(RFC822.SIZE)')
    sizes = {}
    for line in data:
        words = line.decode().replace('(', ' ').replace(')', ' ').split()
        sizes[words[words.index('UID') + 1]] = int(
            words[words.index('RFC822.SIZE') + 1])
    expect(ok == 'OK' and len(sizes) == COUNT, 'FETCH: %r' % (data,))
    for uid, size in sizes.items():
        head = c.uid('FETCH', uid, '(BODY.PEEK[HEADER])')[1][0][1]
        text = c.uid('FETCH', uid, '(BODY.PEEK[])')[1][0][1]
        expect(len(text) == size, 'another size')
        expect(text.startswith(head), 'another header')
    c.logout()


def test_expunged_are_dropped(rig):
    before = status(rig, 'facts')
    c = rig.imap('user4')
    c.store('1:5', '+FLAGS', '\\Deleted')
    c.expunge()
    c.logout()
    rig.wait('dropped', lambda: status(rig, 'facts') == before - 5)


def test_cache_drop(rig):
    expect(status(rig, 'facts') > 0, 'there are none')
    first = listing(rig)
    rig.ctl('cache', 'drop')
    expect(status(rig, 'facts') == 0, 'there are still facts')
    before = status(rig, 'opened')
    expect(listing(rig) == first, 'another list')
    expect(status(rig, 'opened') == before + COUNT - 5, 'not opened')


def test_views_on_disk(rig):
    """Views outlive a restart, if that is asked for; then none is opened."""
    with open(rig.env['WAXWING_CONF'], encoding='utf-8') as f:
        conf = f.read()

    def reload(text):
        with open(rig.env['WAXWING_CONF'], 'w', encoding='utf-8') as f:
            f.write(text)
        os.kill(int(rig.env['WAXWINGD_PID']), signal.SIGHUP)
    first = listing(rig, '(BODY.PEEK[])')
    reload(conf.replace('[cache]\n', '[cache]\nviews = disk\n'))
    try:
        rig.ctl('cache', 'drop')
        rig.wait('views', lambda: listing(rig, '(BODY.PEEK[])') == first and
                 status(rig, 'disk_views') == COUNT - 5)
        restart(rig)
        expect(listing(rig, '(BODY.PEEK[])') == first, 'other views')
        expect(status(rig, 'opened') == 0, 'opened again')
        where = os.path.join(rig.env['STATE_DIR'], 'views')
        expect(len(os.listdir(where)) == COUNT - 5, 'not as many files')
        for name in os.listdir(where):
            with open(os.path.join(where, name), 'rb') as f:
                expect(b'Subject' not in f.read(), 'a view in clear')
            with open(os.path.join(where, name), 'r+b') as f:
                f.seek(300)
                f.write(b'damaged')
        restart(rig)
        expect(listing(rig, '(BODY.PEEK[])') == first, 'damaged views')
        expect(status(rig, 'opened') == COUNT - 5, 'not opened again')
    finally:
        reload(conf)
    rig.wait('no views', lambda: not os.path.exists(where))
