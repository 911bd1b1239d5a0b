"""suite - run the functions test_* of some modules on one rig."""

import argparse
import glob
import importlib
import os
import sys
import time
import traceback

import daemon
from rig import Rig


def tests(here, prefix, names):
    """(full name, function), in the order of the files."""
    for path in sorted(glob.glob(os.path.join(here, prefix + '*.py'))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name in list(vars(module)):
            full = module.__name__[len(prefix):] + '.' + name[5:]
            if name.startswith('test_') and (
                    not names or any(n in full for n in names)):
                yield full, getattr(module, name)


def run(function, rig):
    """None, or how it failed."""
    try:
        function(rig)
    except daemon.Failed as e:
        return str(e)
    except Exception:
        return traceback.format_exc()
    return None


def main(name, here, prefix, users, conf, cloud=False):
    p = argparse.ArgumentParser()
    p.add_argument('-v', action='store_true')
    p.add_argument('names', nargs='*')
    args = p.parse_args()
    begin = time.monotonic()
    passed = failed = 0
    # Two of one name may run side by side.
    with daemon.Place(name + '-' + prefix[0]) as place, \
            Rig(os.path.join(place, 'rig'), users, conf,
                cloud=cloud) as rig:
        rig.place = place
        for full, function in tests(here, prefix, args.names):
            start = time.monotonic()
            before = len(rig.log())
            why = run(function, rig)
            why = why or '\n'.join(rig.bad_log()) or None
            if why is None:
                passed += 1
                if args.v:
                    print('ok      %s (%.1f s)' % (
                        full, time.monotonic() - start), flush=True)
                continue
            failed += 1
            print('FAILED  %s\n    %s' % (full, why), flush=True)
            for line in rig.log()[before:].splitlines()[-25:]:
                print('    log| ' + line, flush=True)
    print('%s: %d passed, %d failed (%.1f s)' % (
        name, passed, failed, time.monotonic() - begin))
    sys.exit(1 if failed or not passed else 0)
