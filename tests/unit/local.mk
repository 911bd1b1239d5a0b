# Unit tests: one program a module.  A room adds its own in tests/unit/ROOM.mk:
#
#	check_PROGRAMS += tests/unit/t_lex
#	TESTS += tests/unit/t_lex
#	tests_unit_t_lex_LDADD = src/imap/libimap.a $(UNIT_LDADD)
#
# The source is tests/unit/t_lex.c by automake's default.  A failed run is to
# be read in tests/unit/t_lex.log; UNIT_TEST=name tests/unit/t_lex runs one
# test of it.
check_LIBRARIES += tests/unit/libunit.a
tests_unit_libunit_a_SOURCES = tests/unit/turn.h tests/unit/unit.c \
	tests/unit/unit.h
UNIT_LDADD = tests/unit/libunit.a src/base/libbase.a $(CUNIT_LIBS)

TESTS += contrib/include-check tests/unit/t_include_check
EXTRA_DIST += contrib/format contrib/include-check tests/unit/t_include_check

include tests/unit/acme.mk
include tests/unit/agent.mk
include tests/unit/base.mk
include tests/unit/cloud.mk
include tests/unit/kms.mk
include tests/unit/mail.mk
include tests/unit/ipc.mk
include tests/unit/imap.mk
include tests/unit/policy.mk
include tests/unit/proxy_imap.mk
include tests/unit/facts.mk
include tests/unit/proxy_smtp.mk
include tests/unit/sealer.mk
include tests/unit/smime.mk
include tests/unit/smtp.mk
include tests/unit/sys.mk
include tests/unit/opener.mk
