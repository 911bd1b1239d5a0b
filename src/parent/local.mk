noinst_LIBRARIES += src/parent/libparent.a
src_parent_libparent_a_SOURCES = \
	src/parent/child.c src/parent/child.h \
	src/parent/control.c src/parent/control.h \
	src/parent/enrol.c src/parent/enrol.h \
	src/parent/install.c src/parent/install.h \
	src/parent/judge.c src/parent/judge.h \
	src/parent/openers.c src/parent/openers.h \
	src/parent/owner.c src/parent/owner.h \
	src/parent/parent.c src/parent/parent.h \
	src/parent/ports.c src/parent/ports.h \
	src/parent/request.c src/parent/request.h

# A room with a role adds its library to WAXWINGD_ROLES.
sbin_PROGRAMS += waxwingd
waxwingd_SOURCES = src/waxwingd.c
waxwingd_LDADD = src/parent/libparent.a $(WAXWINGD_ROLES) \
	src/role/librole.a \
	src/imap/libimap.a src/smtp/libsmtp.a src/policy/libpolicy.a \
	src/dkim/libdkim.a src/acme/libacme.a src/smime/libsmime.a src/mail/libmail.a \
	src/proto/libproto.a \
	src/sys/libsys.a src/base/libbase.a \
	$(LIBEVENT_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(INIPARSER_LIBS) $(OPENDKIM_LIBS)
