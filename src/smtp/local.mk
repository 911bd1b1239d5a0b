noinst_LIBRARIES += src/smtp/libsmtp.a
src_smtp_libsmtp_a_SOURCES = \
	src/smtp/dot.c src/smtp/dot.h \
	src/smtp/ehlo.c src/smtp/ehlo.h \
	src/smtp/reply.c src/smtp/reply.h \
	src/smtp/sasl.c src/smtp/sasl.h \
	src/smtp/verb.c src/smtp/verb.h
