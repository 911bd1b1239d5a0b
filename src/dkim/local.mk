noinst_LIBRARIES += src/dkim/libdkim.a
src_dkim_libdkim_a_SOURCES = src/dkim/dkim.c src/dkim/dkim.h
