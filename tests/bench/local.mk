# make bench: what standing in between and sealing cost, as ratios of one run.
EXTRA_PROGRAMS += tests/bench/bench-crypt tests/bench/bench-proxy \
	tests/bench/bench-read tests/bench/bench-seal
tests_bench_bench_crypt_SOURCES = tests/bench/bench-crypt.c \
	tests/bench/base64bio.c tests/bench/base64bio.h \
	tests/bench/figure.c tests/bench/figure.h
tests_bench_bench_crypt_LDADD = src/opener/libopener.a src/smime/libsmime.a \
	src/mail/libmail.a src/proto/libproto.a src/base/libbase.a \
	$(OPENSSL_LIBS)
tests_bench_bench_proxy_SOURCES = tests/bench/bench-proxy.c \
	tests/bench/figure.c tests/bench/figure.h \
	tests/bench/imapload.c tests/bench/imapload.h
tests_bench_bench_proxy_LDADD =
tests_bench_bench_read_SOURCES = tests/bench/bench-read.c \
	tests/bench/base64bio.c tests/bench/base64bio.h \
	tests/bench/figure.c tests/bench/figure.h
tests_bench_bench_read_LDADD = $(OPENSSL_LIBS)
tests_bench_bench_seal_SOURCES = tests/bench/bench-seal.c
tests_bench_bench_seal_LDADD = src/smime/libsmime.a src/mail/libmail.a \
	src/base/libbase.a $(OPENSSL_LIBS)
EXTRA_DIST += tests/bench/bench-cloud tests/bench/bench-house \
	tests/bench/bench-search tests/bench/read tests/bench/run

bench: all tests/bench/bench-crypt tests/bench/bench-proxy \
    tests/bench/bench-read tests/bench/bench-seal
	$(SHELL) $(top_srcdir)/tests/bench/run $(abs_top_builddir)
.PHONY: bench
