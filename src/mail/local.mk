noinst_LIBRARIES += src/mail/libmail.a
src_mail_libmail_a_SOURCES = \
	src/mail/addr.c src/mail/addr.h \
	src/mail/body.c src/mail/body.h \
	src/mail/casemap.c src/mail/casemap.h \
	src/mail/charset.c src/mail/charset.h \
	src/mail/classify.c src/mail/classify.h \
	src/mail/cte.c src/mail/cte.h \
	src/mail/ctype.c src/mail/ctype.h \
	src/mail/date.c src/mail/date.h \
	src/mail/header.c src/mail/header.h \
	src/mail/match.c src/mail/match.h src/mail/match_priv.h \
	src/mail/match_build.c src/mail/match_build.h \
	src/mail/html.c src/mail/html.h \
	src/mail/part.c src/mail/part.h \
	src/mail/preview.c src/mail/preview.h \
	src/mail/protect.c src/mail/protect.h \
	src/mail/sevenbit.c src/mail/sevenbit.h \
	src/mail/splice.c src/mail/splice.h \
	src/mail/status.c src/mail/status.h \
	src/mail/token.c src/mail/token.h \
	src/mail/view.c src/mail/view.h \
	src/mail/word.c src/mail/word.h
