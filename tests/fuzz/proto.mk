FUZZ_TARGETS += tests/fuzz/fz_rec
tests_fuzz_fz_rec_LDADD = $(FUZZ_LDADD) src/proto/libproto.a \
	src/base/libbase.a
