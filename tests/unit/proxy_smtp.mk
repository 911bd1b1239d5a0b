check_PROGRAMS += tests/unit/t_recorder tests/unit/t_smtp_session
TESTS += tests/unit/t_recorder tests/unit/t_smtp_session
PROXY_SMTP_LIBS = src/proxy/libproxy.a src/smtp/libsmtp.a \
	src/policy/libpolicy.a src/mail/libmail.a src/proto/libproto.a \
	src/sys/libsys.a $(UNIT_LDADD) $(LIBEVENT_LIBS) $(OPENSSL_LIBS)
tests_unit_t_recorder_LDADD = $(PROXY_SMTP_LIBS)
tests_unit_t_smtp_session_SOURCES = tests/unit/t_smtp_session.c \
	tests/unit/smtp_fakes.c tests/unit/smtp_fakes.h \
	tests/unit/smtp_rig.c tests/unit/smtp_rig.h
tests_unit_t_smtp_session_LDADD = $(PROXY_SMTP_LIBS)
