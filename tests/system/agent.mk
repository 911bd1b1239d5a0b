# The agent with a cloud that lies.
check_PROGRAMS += tests/system/t_agent tests/system/t_lookup
TESTS += tests/system/t_agent tests/system/t_lookup
HOUSE_LDADD = src/agent/libagent.a src/opener/libopener.a \
	src/role/librole.a src/acme/libacme.a src/smime/libsmime.a \
	src/mail/libmail.a src/proto/libproto.a src/sys/libsys.a \
	$(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(INIPARSER_LIBS) $(CURL_LIBS)
tests_system_t_lookup_SOURCES = tests/system/t_lookup.c \
	tests/system/fakecloud.c tests/system/fakecloud.h \
	tests/system/house.c tests/system/house.h
tests_system_t_lookup_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_system_t_lookup_LDADD = $(HOUSE_LDADD)
tests_system_t_agent_SOURCES = tests/system/t_agent.c \
	tests/system/fakecloud.c tests/system/fakecloud.h \
	tests/system/house.c tests/system/house.h
tests_system_t_agent_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_system_t_agent_LDADD = $(HOUSE_LDADD)
