# Written by tests/unit/t_conf --print default; systemd/local.mk installs it.
EXTRA_DIST += conf/waxwing.conf
EXTRA_DIST += conf/waxwing-cloud.conf
