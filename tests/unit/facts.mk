# Unit tests of what is kept of messages that were read.
FACTS_TESTS = tests/unit/t_facts tests/unit/t_viewdisk
check_PROGRAMS += $(FACTS_TESTS)
TESTS += $(FACTS_TESTS)
tests_unit_t_facts_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_viewdisk_LDADD = $(PROXY_IMAP_LIBS)
