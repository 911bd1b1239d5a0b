FUZZ_TARGETS += tests/fuzz/fz_dnstxt
tests_fuzz_fz_dnstxt_LDADD = $(FUZZ_LDADD) src/sys/libsys.a \
	src/base/libbase.a
