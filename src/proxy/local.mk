noinst_LIBRARIES += src/proxy/libproxy.a
src_proxy_libproxy_a_SOURCES = \
	src/proxy/account.h \
	src/proxy/listener.h \
	src/proxy/proxy.h \
	src/proxy/recorder.c src/proxy/recorder.h \
	src/proxy/smtp_seal.c \
	src/proxy/smtp_send.c \
	src/proxy/smtp_session.c src/proxy/smtp_session.h \
	src/proxy/smtp_tx.c src/proxy/smtp_tx.h \
	src/proxy/smtp_up.c src/proxy/smtp_up.h \
	src/proxy/throttle.h \
	src/proxy/upstream.h
