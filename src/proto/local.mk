noinst_LIBRARIES += src/proto/libproto.a
src_proto_libproto_a_SOURCES = \
	src/proto/enrol.c src/proto/enrol.h \
	src/proto/harvest.c src/proto/harvest.h \
	src/proto/keys.c src/proto/keys.h \
	src/proto/lookup.c src/proto/lookup.h \
	src/proto/op.c src/proto/op.h \
	src/proto/open.c src/proto/open.h \
	src/proto/rec.c src/proto/rec.h \
	src/proto/resync.c src/proto/resync.h \
	src/proto/seal.c src/proto/seal.h \
	src/proto/start.c src/proto/start.h
