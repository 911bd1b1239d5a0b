PROXY_SMTP_TESTS = tests/unit/t_recorder tests/unit/t_smtp_session
check_PROGRAMS += $(PROXY_SMTP_TESTS)
TESTS += $(PROXY_SMTP_TESTS)
PROXY_SMTP_LIBS = src/proxy/libproxy.a src/smtp/libsmtp.a \
	src/policy/libpolicy.a src/mail/libmail.a src/proto/libproto.a \
	src/sys/libsys.a $(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS)
tests_unit_t_recorder_LDADD = $(PROXY_SMTP_LIBS)
tests_unit_t_smtp_session_SOURCES = tests/unit/t_smtp_session.c \
	tests/unit/smtp_fakes.c tests/unit/smtp_fakes.h \
	tests/unit/smtp_rig.c tests/unit/smtp_rig.h
tests_unit_t_smtp_session_LDADD = $(PROXY_SMTP_LIBS)
