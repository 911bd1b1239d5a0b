check_LIBRARIES += tests/unit/libsmimehelp.a
tests_unit_libsmimehelp_a_SOURCES = \
	tests/unit/smime_help.c tests/unit/smime_help.h
SMIME_UNIT_LDADD = tests/unit/libsmimehelp.a src/smime/libsmime.a \
	src/mail/libmail.a $(UNIT_LDADD) $(OPENSSL_LIBS)

SMIME_TESTS = \
	tests/unit/t_algo \
	tests/unit/t_cert \
	tests/unit/t_cms_open \
	tests/unit/t_cms_sign \
	tests/unit/t_csr \
	tests/unit/t_der \
	tests/unit/t_entity \
	tests/unit/t_issue \
	tests/unit/t_keydb \
	tests/unit/t_pkey
check_PROGRAMS += $(SMIME_TESTS)
TESTS += $(SMIME_TESTS)
tests_unit_t_algo_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_cert_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_cms_open_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_cms_sign_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_csr_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_der_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_entity_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_issue_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_keydb_LDADD = $(SMIME_UNIT_LDADD)
tests_unit_t_pkey_LDADD = $(SMIME_UNIT_LDADD)
EXTRA_DIST += tests/data/smime
