check_PROGRAMS += tests/unit/t_open
TESTS += tests/unit/t_open
tests_unit_t_open_LDADD = src/opener/libopener.a $(SMIME_UNIT_LDADD)
