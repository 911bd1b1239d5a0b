# waxwingd with a proxy of the tests, for tests/system/parent.
check_PROGRAMS += tests/system/pool-waxwingd
tests_system_pool_waxwingd_SOURCES = src/waxwingd.c tests/system/pool-proxy.c
tests_system_pool_waxwingd_LDADD = $(waxwingd_LDADD)
