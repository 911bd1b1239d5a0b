"""kill -9 of every role at every named point of an enrolment.

Afterwards there is one account and one signing certificate for each mailbox
and device, and one encryption certificate for each mailbox.
"""

import concurrent.futures
import os
import signal
import threading
import time

from device import Device, keys, wait_enrolled, wait_for
from e_1_first import inbox
from e_2_devices import current
from s_1_mail import expect

STEPS = ('order', 'authorization', 'find', 'answer', 'respond', 'validation',
         'tidy', 'finalize', 'certificate', 'keys', 'done')
DEVICE = (['agent.enrol.%s.%s' % (s, w) for s in STEPS
           for w in ('before', 'after')] +
          ['agent.enrol.submit', 'proxy.challenge', 'proxy.challenge.answer'] +
          ['sealer.' + p for p in (
              'device.made', 'device.stored', 'nonce.made', 'nonce.stored',
              'pending.made', 'pending.stored', 'cert.take', 'cert.stored',
              'bundle.take', 'bundle.stored')])
CLOUD = ['cloud.' + p for p in (
    'account.store', 'account.stored', 'order.store', 'order.stored',
    'mail.queue', 'mail.queued', 'mail.sent', 'respond.store',
    'respond.stored', 'reply.store', 'reply.stored', 'cert.store',
    'cert.stored', 'kms.made', 'kms.store', 'kms.stored', 'kms.log',
    'kms.answer')]
ROLES = ('agent', 'sealer', 'proxy', 'cloud')

lock = threading.Lock()


def cases():
    """(point, victim): the one that is there; with WAXWING_LONG all."""
    for point in DEVICE + CLOUD:
        own = point.split('.')[0]
        yield point, own
        if os.environ.get('WAXWING_LONG'):
            yield from ((point, r) for r in ROLES if r != own)


def cloud_dies(rig, number):
    with lock:
        if number:
            rig.cloud_signal(number)
        rig.cloud_gone()
        rig.cloud_start()


def settled(rig, device, user):
    """What has to be true when all is over."""
    wait_enrolled(device, user, 120)
    mine = keys(device, user)
    theirs = current(rig, user, time.time())
    for kind in ('sign', 'encrypt'):
        expect(len(mine[kind]) == 1 and len(theirs[kind]) == 1,
               '%s: device %r, store %r' % (kind, mine, theirs))
    published = rig.store('published')[user + '@example.test']['certs']
    expect([c['serial'] for c in published] == theirs['encrypt'],
           'the directory has %r' % published)
    expect(inbox(rig, user) == [], 'INBOX: %r' % inbox(rig, user))


def strike(rig, device, point, victim, seen):
    """At the point, kill the victim once."""
    own = point.split('.')[0]
    # The cloud may have passed there before: it counts as long as it lives.
    action, count = ('kill', 1) if victim == own else ('delay-ms=700', 99)
    mark = 'fault %s %s' % (point, action)
    text = '%s %s %d' % (point, action, count)
    log = (lambda: rig.log('cloud')) if own == 'cloud' else device.log
    before = log().count(mark)
    if own == 'cloud':
        rig.faults(text)
    else:
        device.fault(text)
    begin = threading.Thread(target=seen)
    begin.start()
    try:
        wait_for(point, lambda: log().count(mark) > before)
    finally:
        if own == 'cloud':
            rig.faults()
        else:
            device.fault()
        begin.join()
    if victim == 'cloud':
        cloud_dies(rig, None if own == 'cloud' else signal.SIGKILL)
    elif victim != own:
        os.kill(device.role(victim), signal.SIGKILL)


def one(rig, number, point, victim):
    user = 'user%d' % number
    try:
        with Device(rig, 'k%d' % number) as device:
            strike(rig, device, point, victim,
                   lambda: device.imap(user, box=None).logout())
            # The credential went with the proxy: the next login brings it.
            time.sleep(0.5)
            for _ in range(20):
                try:
                    device.imap(user, box=None).logout()
                    break
                except (OSError, EOFError):
                    time.sleep(0.3)
                except Exception:
                    time.sleep(0.3)
            settled(rig, device, user)
            bad = device.bad_log()
            expect(not bad, repr(bad))
        return None
    except Exception as e:
        log = open(device.log_path, encoding='utf-8').read()
        return '%s, kill %s: %s: %s\n%s' % (
            point, victim, type(e).__name__, e, log[-1500:])


def test_kill(rig):
    todo = list(enumerate(cases(), 20))
    points = {case[0] for _, case in todo}
    before = len(rig.store('account'))
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong += pool.map(lambda t: one(rig, t[0], *t[1]),
                          [t for t in todo if t[1][0] in DEVICE])
    for number, (point, victim) in todo:
        if point in CLOUD:
            wrong.append(one(rig, number, point, victim))
    wrong = [w for w in wrong if w]
    accounts = len(rig.store('account')) - before
    print('kill -9: %d points, %d cases, %d wrong, %d accounts' % (
        len(points), len(todo), len(wrong), accounts))
    expect(not wrong, '\n'.join(wrong))
    expect(accounts == len(todo), '%d accounts for %d devices' % (
        accounts, len(todo)))
