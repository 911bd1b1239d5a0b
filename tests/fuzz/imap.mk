FUZZ_TARGETS += \
	tests/fuzz/fz_cmd \
	tests/fuzz/fz_lex \
	tests/fuzz/fz_resp \
	tests/fuzz/fz_search
tests_fuzz_fz_cmd_LDADD = $(FUZZ_LDADD) src/imap/libimap.a src/base/libbase.a
tests_fuzz_fz_lex_LDADD = $(FUZZ_LDADD) src/imap/libimap.a src/base/libbase.a
tests_fuzz_fz_resp_LDADD = $(FUZZ_LDADD) src/imap/libimap.a src/base/libbase.a
tests_fuzz_fz_search_LDADD = $(FUZZ_MAIL_LDADD)
