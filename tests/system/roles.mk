ROLE_TESTS = tests/system/t_keep tests/system/t_seal tests/system/t_roles_die
check_PROGRAMS += $(ROLE_TESTS)
TESTS += $(ROLE_TESTS)
ROLE_HOUSE_SOURCES = tests/system/rolehouse.c tests/system/rolehouse.h \
	tests/system/house.c tests/system/house.h
ROLE_HOUSE_LDADD = src/sealer/libsealer.a $(HOUSE_LDADD)
tests_system_t_keep_SOURCES = tests/system/t_keep.c $(ROLE_HOUSE_SOURCES)
tests_system_t_keep_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_keep_LDADD = $(ROLE_HOUSE_LDADD)
tests_system_t_seal_SOURCES = tests/system/t_seal.c $(ROLE_HOUSE_SOURCES)
tests_system_t_seal_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_seal_LDADD = $(ROLE_HOUSE_LDADD)
tests_system_t_roles_die_SOURCES = tests/system/t_roles_die.c $(ROLE_HOUSE_SOURCES)
tests_system_t_roles_die_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_roles_die_LDADD = $(ROLE_HOUSE_LDADD)

ENROL_TESTS = tests/system/t_enrol tests/system/t_enrol_refuse \
	tests/system/t_enrol_dies
check_PROGRAMS += $(ENROL_TESTS)
TESTS += $(ENROL_TESTS)
ENROL_HOUSE_SOURCES = tests/system/enrolhouse.c tests/system/enrolhouse.h \
	tests/system/cloudside.c tests/system/cloudside.h \
	tests/system/house.c tests/system/house.h
ENROL_HOUSE_LDADD = src/sealer/libsealer.a src/role/librole.a \
	src/acme/libacme.a src/smime/libsmime.a src/mail/libmail.a \
	src/proto/libproto.a src/sys/libsys.a \
	$(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(INIPARSER_LIBS) $(CURL_LIBS)
tests_system_t_enrol_SOURCES = tests/system/t_enrol.c $(ENROL_HOUSE_SOURCES)
tests_system_t_enrol_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_enrol_LDADD = $(ENROL_HOUSE_LDADD)
tests_system_t_enrol_refuse_SOURCES = tests/system/t_enrol_refuse.c \
	$(ENROL_HOUSE_SOURCES)
tests_system_t_enrol_refuse_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_enrol_refuse_LDADD = $(ENROL_HOUSE_LDADD)
tests_system_t_enrol_dies_SOURCES = tests/system/t_enrol_dies.c \
	$(ENROL_HOUSE_SOURCES)
tests_system_t_enrol_dies_CPPFLAGS = $(HOUSE_CPPFLAGS)
tests_system_t_enrol_dies_LDADD = $(ENROL_HOUSE_LDADD)
