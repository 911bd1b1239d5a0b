noinst_LIBRARIES += src/mail/libmail.a
src_mail_libmail_a_SOURCES = \
	src/mail/addr.c src/mail/addr.h \
	src/mail/classify.c src/mail/classify.h \
	src/mail/ctype.c src/mail/ctype.h \
	src/mail/header.c src/mail/header.h \
	src/mail/part.c src/mail/part.h \
	src/mail/protect.c src/mail/protect.h \
	src/mail/sevenbit.c src/mail/sevenbit.h \
	src/mail/splice.c src/mail/splice.h \
	src/mail/status.c src/mail/status.h \
	src/mail/token.c src/mail/token.h \
	src/mail/view.c src/mail/view.h
