FUZZ_TARGETS += \
	tests/fuzz/fz_dot \
	tests/fuzz/fz_smtp
tests_fuzz_fz_dot_LDADD = $(FUZZ_LDADD) src/smtp/libsmtp.a src/base/libbase.a
tests_fuzz_fz_smtp_LDADD = $(FUZZ_LDADD) src/smtp/libsmtp.a src/base/libbase.a
