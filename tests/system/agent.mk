# The agent with a cloud that lies.
HOUSE_TESTS = tests/system/t_agent tests/system/t_agent_lies \
	tests/system/t_agent_time tests/system/t_lookup
check_PROGRAMS += $(HOUSE_TESTS)
TESTS += $(HOUSE_TESTS)
HOUSE_LDADD = src/agent/libagent.a src/opener/libopener.a \
	src/dkim/libdkim.a src/role/librole.a src/acme/libacme.a \
	src/smime/libsmime.a src/mail/libmail.a src/proto/libproto.a \
	src/sys/libsys.a $(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS) \
	$(LMDB_LIBS) $(JANSSON_LIBS) $(INIPARSER_LIBS) $(CURL_LIBS) \
	$(OPENDKIM_LIBS)
HOUSE_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
HOUSE_SOURCES = tests/system/fakecloud.c tests/system/fakecloud.h \
	tests/system/house.c tests/system/house.h
AGENT_HOUSE_SOURCES = tests/system/agenthouse.c tests/system/agenthouse.h \
	$(HOUSE_SOURCES)
tests_system_t_lookup_SOURCES = tests/system/t_lookup.c $(HOUSE_SOURCES)
tests_system_t_lookup_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_lookup_LDADD = $(HOUSE_LDADD)
tests_system_t_agent_SOURCES = tests/system/t_agent.c $(AGENT_HOUSE_SOURCES)
tests_system_t_agent_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_agent_LDADD = $(HOUSE_LDADD)
tests_system_t_agent_lies_SOURCES = tests/system/t_agent_lies.c \
	$(AGENT_HOUSE_SOURCES)
tests_system_t_agent_lies_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_agent_lies_LDADD = $(HOUSE_LDADD)
tests_system_t_agent_time_SOURCES = tests/system/t_agent_time.c \
	$(AGENT_HOUSE_SOURCES)
tests_system_t_agent_time_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_agent_time_LDADD = $(HOUSE_LDADD)
