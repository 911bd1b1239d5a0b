noinst_LIBRARIES += src/imap/libimap.a
src_imap_libimap_a_SOURCES = \
	src/imap/nstring.c src/imap/nstring.h \
	src/imap/render.c src/imap/render.h \
	src/imap/section.c src/imap/section.h
