FUZZ_TARGETS += \
	tests/fuzz/fz_codec \
	tests/fuzz/fz_set
tests_fuzz_fz_codec_LDADD = $(FUZZ_LDADD) src/base/libbase.a
tests_fuzz_fz_set_LDADD = $(FUZZ_LDADD) src/base/libbase.a
