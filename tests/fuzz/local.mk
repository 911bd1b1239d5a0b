# Fuzz targets: each states a property of one module.  To add one:
#
# 1. tests/fuzz/fz_NAME.c includes fuzz.h and defines LLVMFuzzerTestOneInput();
#    the property is told by assert().
# 2. A few inputs, small and telling, as files in tests/fuzz/corpus/fz_NAME/.
# 3. In tests/fuzz/ROOM.mk, which is included at the end of this file:
#
#	FUZZ_TARGETS += tests/fuzz/fz_NAME
#	tests_fuzz_fz_NAME_LDADD = $(FUZZ_LDADD) src/ROOM/libROOM.a src/base/libbase.a
#
# "make check" links each with replay.c and runs it on its corpus and on 200
# mutations of each file there, always the same ones; any compiler will do.
# "make fuzz" builds all of them for libFuzzer with clang, in the folder fuzz
# of the build tree: fuzz/tests/fuzz/fz_NAME FOLDER... looks for more inputs.
FUZZ_TARGETS =
if FUZZERS
FUZZ_LDADD = $(FUZZ_ENGINE)
EXTRA_PROGRAMS += $(FUZZ_TARGETS)
fuzz: $(FUZZ_TARGETS)
else
FUZZ_LDADD = tests/fuzz/libreplay.a
check_LIBRARIES += tests/fuzz/libreplay.a
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
fuzz:
	test -f fuzz/Makefile || { $(MKDIR_P) fuzz && cd fuzz && \
	    $(abs_top_srcdir)/configure --enable-fuzzers CC=clang CFLAGS='-g -O1'; }
	cd fuzz && $(MAKE) fuzz
endif
.PHONY: fuzz
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
noinst_HEADERS += tests/fuzz/fuzz.h
EXTRA_DIST += tests/fuzz/corpus

clean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz
	rm -f crash-fz_*

include tests/fuzz/acme.mk
include tests/fuzz/base.mk
include tests/fuzz/mail.mk
include tests/fuzz/opener.mk
include tests/fuzz/proto.mk
include tests/fuzz/smime.mk
include tests/fuzz/smtp.mk
include tests/fuzz/imap.mk
include tests/fuzz/sys.mk
