# Unit tests of what is kept of messages that were read.
check_PROGRAMS += tests/unit/t_facts tests/unit/t_viewdisk
TESTS += tests/unit/t_facts tests/unit/t_viewdisk
tests_unit_t_facts_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_viewdisk_LDADD = $(PROXY_IMAP_LIBS)
