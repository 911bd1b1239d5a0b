IMAP_TESTS = \
	tests/unit/t_caps \
	tests/unit/t_cmd \
	tests/unit/t_copyuid \
	tests/unit/t_fetch \
	tests/unit/t_id \
	tests/unit/t_lex \
	tests/unit/t_resp \
	tests/unit/t_search
check_PROGRAMS += $(IMAP_TESTS)
TESTS += $(IMAP_TESTS)
tests_unit_t_caps_LDADD = src/imap/libimap.a $(UNIT_LDADD)
tests_unit_t_cmd_LDADD = src/imap/libimap.a $(UNIT_LDADD)
tests_unit_t_copyuid_LDADD = src/imap/libimap.a $(UNIT_LDADD)
tests_unit_t_id_LDADD = src/imap/libimap.a $(UNIT_LDADD)
tests_unit_t_lex_LDADD = src/imap/libimap.a $(UNIT_LDADD)
tests_unit_t_resp_LDADD = src/imap/libimap.a $(UNIT_LDADD)
tests_unit_t_fetch_LDADD = src/imap/libimap.a src/mail/libmail.a $(UNIT_LDADD)
tests_unit_t_search_LDADD = src/imap/libimap.a src/mail/libmail.a $(UNIT_LDADD)
