FUZZ_TARGETS += tests/fuzz/fz_acme tests/fuzz/fz_jws
ACME_FUZZ_LDADD = $(FUZZ_LDADD) src/acme/libacme.a src/mail/libmail.a \
	src/base/libbase.a $(JANSSON_LIBS) $(OPENSSL_LIBS)
tests_fuzz_fz_acme_LDADD = $(ACME_FUZZ_LDADD)
tests_fuzz_fz_jws_LDADD = $(ACME_FUZZ_LDADD)
