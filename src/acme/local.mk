noinst_LIBRARIES += src/acme/libacme.a
src_acme_libacme_a_SOURCES = \
	src/acme/b64url.c src/acme/b64url.h \
	src/acme/email.c src/acme/email.h \
	src/acme/jwk.c src/acme/jwk.h \
	src/acme/jws.c src/acme/jws.h \
	src/acme/kms.c src/acme/kms.h \
	src/acme/member.c src/acme/member.h \
	src/acme/object.c src/acme/object.h \
	src/acme/word.c src/acme/word.h
