# Unit tests of what is kept of messages that were read.
check_PROGRAMS += tests/unit/t_facts
TESTS += tests/unit/t_facts
tests_unit_t_facts_LDADD = $(PROXY_IMAP_LIBS)
