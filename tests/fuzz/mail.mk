FUZZ_TARGETS += \
	tests/fuzz/fz_header \
	tests/fuzz/fz_match \
	tests/fuzz/fz_part \
	tests/fuzz/fz_render \
	tests/fuzz/fz_section \
	tests/fuzz/fz_thread \
	tests/fuzz/fz_word
FUZZ_MAIL_LDADD = $(FUZZ_LDADD) src/imap/libimap.a src/mail/libmail.a \
	src/base/libbase.a
tests_fuzz_fz_header_LDADD = $(FUZZ_MAIL_LDADD)
tests_fuzz_fz_match_LDADD = $(FUZZ_MAIL_LDADD)
tests_fuzz_fz_part_LDADD = $(FUZZ_MAIL_LDADD)
tests_fuzz_fz_render_LDADD = $(FUZZ_MAIL_LDADD)
tests_fuzz_fz_section_LDADD = $(FUZZ_MAIL_LDADD)
tests_fuzz_fz_thread_LDADD = $(FUZZ_MAIL_LDADD)
tests_fuzz_fz_word_LDADD = $(FUZZ_MAIL_LDADD)
