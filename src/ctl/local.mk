bin_PROGRAMS += waxwingctl
waxwingctl_SOURCES = \
	src/ctl/client.c src/ctl/client.h \
	src/ctl/ctl.c \
	src/ctl/export.c src/ctl/export.h \
	src/ctl/follow.c src/ctl/follow.h \
	src/ctl/progress.c src/ctl/progress.h \
	src/ctl/secret.c src/ctl/secret.h \
	src/ctl/show.c src/ctl/show.h
waxwingctl_LDADD = src/sys/libsys.a src/base/libbase.a $(JANSSON_LIBS)
