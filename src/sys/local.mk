noinst_LIBRARIES += src/sys/libsys.a
src_sys_libsys_a_SOURCES = \
	src/sys/ipc.c src/sys/ipc.h \
	src/sys/memfd.c src/sys/memfd.h \
	src/sys/pending.c src/sys/pending.h
