noinst_LIBRARIES += src/imap/libimap.a
src_imap_libimap_a_SOURCES = \
	src/imap/caps.c src/imap/caps.h \
	src/imap/cmd.c src/imap/cmd.h \
	src/imap/copyuid.c src/imap/copyuid.h \
	src/imap/fetch.c src/imap/fetch.h \
	src/imap/id.c src/imap/id.h \
	src/imap/lex.c src/imap/lex.h \
	src/imap/nstring.c src/imap/nstring.h \
	src/imap/render.c src/imap/render.h \
	src/imap/resp.c src/imap/resp.h \
	src/imap/search.c src/imap/search.h src/imap/search_priv.h \
	src/imap/search_plan.c src/imap/search_print.c \
	src/imap/search_read.c \
	src/imap/section.c src/imap/section.h \
	src/imap/sort.c src/imap/sort.h src/imap/subject.c \
	src/imap/thread.c src/imap/thread.h src/imap/thread_priv.h \
	src/imap/thread_forest.c src/imap/thread_key.c
