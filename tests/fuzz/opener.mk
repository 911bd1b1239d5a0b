FUZZ_TARGETS += tests/fuzz/fz_open
tests_fuzz_fz_open_LDADD = $(FUZZ_LDADD) src/opener/libopener.a \
	src/smime/libsmime.a src/mail/libmail.a src/proto/libproto.a \
	src/base/libbase.a $(OPENSSL_LIBS)
