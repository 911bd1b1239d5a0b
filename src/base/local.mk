noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/arena.c src/base/arena.h \
	src/base/blob.c src/base/blob.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/codec.c src/base/codec_qp.c src/base/codec.h \
	src/base/err.c src/base/err.h \
	src/base/limits.h \
	src/base/map.c src/base/map.h \
	src/base/num.c src/base/num.h \
	src/base/set.c src/base/set.h \
	src/base/span.c src/base/span.h
