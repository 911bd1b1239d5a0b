noinst_LIBRARIES += src/sys/libsys.a
src_sys_libsys_a_SOURCES = \
	src/sys/fault.c src/sys/fault.h \
	src/sys/ipc.c src/sys/ipc.h \
	src/sys/memfd.c src/sys/memfd.h \
	src/sys/pending.c src/sys/pending.h \
	src/sys/proc.c src/sys/proc.h \
	src/sys/sandbox.c src/sys/sandbox.h
