SYS_TESTS = \
	tests/unit/t_conf \
	tests/unit/t_connect \
	tests/unit/t_crypt \
	tests/unit/t_db \
	tests/unit/t_dnstxt \
	tests/unit/t_log \
	tests/unit/t_stream \
	tests/unit/t_tls
check_PROGRAMS += $(SYS_TESTS)
TESTS += $(SYS_TESTS)
SYS_LDADD = src/sys/libsys.a $(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS) \
	$(LMDB_LIBS) $(INIPARSER_LIBS)
CONF_SOURCE = tests/unit/conf_source.c tests/unit/conf_source.h
tests_unit_t_conf_SOURCES = tests/unit/t_conf.c $(CONF_SOURCE)
tests_unit_t_conf_LDADD = $(SYS_LDADD)
tests_unit_t_connect_SOURCES = tests/unit/t_connect.c \
	tests/unit/streamends.c tests/unit/streamends.h
tests_unit_t_connect_LDADD = $(SYS_LDADD)
tests_unit_t_crypt_LDADD = $(SYS_LDADD)
tests_unit_t_db_LDADD = $(SYS_LDADD)
tests_unit_t_dnstxt_LDADD = $(SYS_LDADD)
tests_unit_t_log_LDADD = $(SYS_LDADD)
tests_unit_t_stream_SOURCES = tests/unit/t_stream.c \
	tests/unit/streamends.c tests/unit/streamends.h
tests_unit_t_stream_LDADD = $(SYS_LDADD)
tests_unit_t_tls_LDADD = $(SYS_LDADD)
