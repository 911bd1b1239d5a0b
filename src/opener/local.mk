noinst_LIBRARIES += src/opener/libopener.a
src_opener_libopener_a_SOURCES = \
	src/opener/early.c src/opener/early.h \
	src/opener/challenge.c src/opener/challenge.h \
	src/opener/defang.c src/opener/defang.h \
	src/opener/heads.c src/opener/heads.h \
	src/opener/harvest.c src/opener/harvest.h \
	src/opener/judge.c src/opener/judge.h \
	src/opener/keys.c src/opener/keys.h \
	src/opener/open.c src/opener/open.h \
	src/opener/opener.c src/opener/opener.h \
	src/opener/peel.c src/opener/peel.h \
	src/opener/status.c src/opener/status.h \
	src/opener/verify.c src/opener/verify.h

WAXWINGD_ROLES += src/opener/libopener.a
