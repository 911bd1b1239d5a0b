check_PROGRAMS += tests/system/t_roles
TESTS += tests/system/t_roles
tests_system_t_roles_SOURCES = tests/system/t_roles.c \
	tests/system/house.c tests/system/house.h
tests_system_t_roles_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_system_t_roles_LDADD = src/sealer/libsealer.a src/agent/libagent.a \
	src/opener/libopener.a src/dkim/libdkim.a src/role/librole.a src/acme/libacme.a \
	src/smime/libsmime.a src/mail/libmail.a src/proto/libproto.a src/sys/libsys.a \
	$(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(INIPARSER_LIBS) $(CURL_LIBS) $(OPENDKIM_LIBS)

check_PROGRAMS += tests/system/t_enrol
TESTS += tests/system/t_enrol
tests_system_t_enrol_SOURCES = tests/system/t_enrol.c \
	tests/system/cloudside.c tests/system/cloudside.h \
	tests/system/house.c tests/system/house.h
tests_system_t_enrol_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_system_t_enrol_LDADD = src/sealer/libsealer.a src/role/librole.a \
	src/acme/libacme.a src/smime/libsmime.a src/mail/libmail.a \
	src/proto/libproto.a src/sys/libsys.a \
	$(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(INIPARSER_LIBS) $(CURL_LIBS)
