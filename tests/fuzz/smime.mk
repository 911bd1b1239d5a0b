FUZZ_TARGETS += \
	tests/fuzz/fz_cms \
	tests/fuzz/fz_entity
noinst_HEADERS += tests/fuzz/fz_keys.h
SMIME_FUZZ_LDADD = $(FUZZ_LDADD) src/smime/libsmime.a src/mail/libmail.a \
	src/base/libbase.a $(OPENSSL_LIBS)
tests_fuzz_fz_cms_LDADD = $(SMIME_FUZZ_LDADD)
tests_fuzz_fz_entity_LDADD = $(SMIME_FUZZ_LDADD)
