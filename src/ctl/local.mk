bin_PROGRAMS += waxwingctl
waxwingctl_SOURCES = \
	src/ctl/client.c src/ctl/client.h \
	src/ctl/ctl.c \
	src/ctl/secret.c src/ctl/secret.h \
	src/ctl/show.c src/ctl/show.h
waxwingctl_LDADD = src/sys/libsys.a src/base/libbase.a $(JANSSON_LIBS)
