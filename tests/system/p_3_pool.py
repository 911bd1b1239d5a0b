"""Openers come and go with the accounts that need one."""

import contextlib
import os
import signal

import daemon
from parentlib import back, expect, left, role, start, status, wait


@contextlib.contextmanager
def pool(place, openers, *accounts):
    tool = os.path.join(daemon.build_dir(), 'tests', 'system',
                        'pool-waxwingd')
    sections = {'account ' + a: {} for a in accounts}
    d = place.daemon(daemon={'openers': str(openers), 'log': 'debug'},
                     **sections)
    os.mkdir(os.path.join(d.dir, 'bin'), 0o755)
    for name, target in (('waxwingd', tool),
                         ('waxwingctl', os.path.join(d.build,
                                                     'waxwingctl'))):
        os.symlink(target, os.path.join(d.dir, 'bin', name))
    d.build = os.path.join(d.dir, 'bin')
    start(d)
    yield d
    d.stop()
    expect(not left(d), 'processes are left: %s' % left(d))


def wants(d):
    return {w['account']: w for w in role(d, 'proxy')['wants']}


def openers(d):
    return {r['account']: r['pid'] for r in status(d)['roles']
            if r['role'] == 'opener' and r['state'] == 'up'}


def linked(d, *accounts):
    w = wants(d)
    return all(w[a]['linked'] for a in accounts)


def test_pool_links(place):
    with pool(place, 4, 'a@example.test', 'b@example.test') as d:
        wait('links', lambda: linked(d, 'a@example.test', 'b@example.test'))
        expect(len(openers(d)) == 2, str(status(d)))


def test_pool_crash(place):
    """An opener that dies is there again when it is asked for."""
    with pool(place, 4, 'a@example.test', 'b@example.test') as d:
        wait('links', lambda: linked(d, 'a@example.test', 'b@example.test'))
        for _ in range(2):
            old = openers(d)
            os.kill(old['a@example.test'], signal.SIGKILL)
            wait('a new opener', lambda o=old: openers(d).get(
                'a@example.test', o['a@example.test']) !=
                o['a@example.test'] and linked(d, 'a@example.test'))
            expect(openers(d)['b@example.test'] == old['b@example.test'],
                   'another opener died too')


def test_pool_limit(place):
    """When the pool is full, the account idle for longest goes."""
    names = ['once%d@example.test' % i for i in range(4)]
    with pool(place, 2, *names) as d:
        wait('the last account', lambda: linked(d, names[3]))
        wait('two openers', lambda: len(openers(d)) == 2)
        w = wants(d)
        expect(all(w[n]['asked'] == 1 and w[n]['refused'] == 0
                   for n in names), str(w))
        expect(set(openers(d)) == set(names[2:]), str(openers(d)))
        expect(len(left(d)) == 7, 'more processes than the pool may have')


def test_pool_proxy_killed(place):
    """The openers outlive a proxy; the next gets links of its own."""
    with pool(place, 4, 'a@example.test') as d:
        wait('a link', lambda: linked(d, 'a@example.test'))
        old, pid = openers(d), role(d, 'proxy')['pid']
        os.kill(pid, signal.SIGKILL)
        back(d, 'proxy', pid)
        wait('a link', lambda: linked(d, 'a@example.test'))
        expect(openers(d) == old, 'the opener is another one')


def test_pool_shrinks(place):
    names = ['once%d@example.test' % i for i in range(3)]
    with pool(place, 3, *names) as d:
        wait('links', lambda: linked(d, *names))
        d.sections['daemon']['openers'] = '1'
        d.write_conf()
        d.hup()
        wait('one opener', lambda: len(openers(d)) == 1)
