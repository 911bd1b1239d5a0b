OPENER_TESTS = tests/unit/t_challenge tests/unit/t_early tests/unit/t_open \
	tests/unit/t_open_hostile tests/unit/t_ownmail tests/unit/t_pinned
check_PROGRAMS += $(OPENER_TESTS)
TESTS += $(OPENER_TESTS)
tests_unit_t_challenge_LDADD = src/opener/libopener.a src/dkim/libdkim.a \
	src/acme/libacme.a src/proto/libproto.a $(SMIME_UNIT_LDADD) \
	$(JANSSON_LIBS) $(OPENDKIM_LIBS)
OPEN_HELP_SOURCES = tests/unit/open_help.c tests/unit/open_help.h
tests_unit_t_early_SOURCES = tests/unit/t_early.c $(OPEN_HELP_SOURCES)
tests_unit_t_early_LDADD = src/opener/libopener.a src/proto/libproto.a \
	src/sys/libsys.a $(SMIME_UNIT_LDADD)
tests_unit_t_open_SOURCES = tests/unit/t_open.c $(OPEN_HELP_SOURCES)
tests_unit_t_open_LDADD = src/opener/libopener.a $(SMIME_UNIT_LDADD)
tests_unit_t_open_hostile_SOURCES = tests/unit/t_open_hostile.c \
	$(OPEN_HELP_SOURCES)
tests_unit_t_open_hostile_LDADD = src/opener/libopener.a $(SMIME_UNIT_LDADD)
tests_unit_t_ownmail_LDADD = src/opener/libopener.a $(SMIME_UNIT_LDADD)
tests_unit_t_pinned_LDADD = src/opener/libopener.a src/proto/libproto.a \
	src/sys/libsys.a $(SMIME_UNIT_LDADD) $(LMDB_LIBS)
