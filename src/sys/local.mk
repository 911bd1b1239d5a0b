noinst_LIBRARIES += src/sys/libsys.a
src_sys_libsys_a_SOURCES = \
	src/sys/conf.c src/sys/conf.h src/sys/conf_priv.h \
	src/sys/conf_check.c src/sys/conf_enrol.c src/sys/conf_file.c src/sys/conf_print.c \
	src/sys/conf_scan.c src/sys/conf_table.c \
	src/sys/crypt.c src/sys/crypt.h \
	src/sys/db.c src/sys/db.h \
	src/sys/fault.c src/sys/fault.h \
	src/sys/ipc.c src/sys/ipc.h \
	src/sys/log.c src/sys/log.h \
	src/sys/memfd.c src/sys/memfd.h \
	src/sys/pending.c src/sys/pending.h \
	src/sys/proc.c src/sys/proc.h \
	src/sys/dnstxt.c src/sys/dnstxt.h \
	src/sys/resolv.c src/sys/resolv.h \
	src/sys/sandbox.c src/sys/sandbox.h \
	src/sys/stream.c src/sys/stream.h src/sys/stream_priv.h \
	src/sys/stream_data.c src/sys/stream_dial.c src/sys/stream_io.c \
	src/sys/tls.c src/sys/tls.h
