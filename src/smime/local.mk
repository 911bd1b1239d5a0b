noinst_LIBRARIES += src/smime/libsmime.a
src_smime_libsmime_a_SOURCES = \
	src/smime/algo.c src/smime/algo.h \
	src/smime/canon.c src/smime/canon.h \
	src/smime/cert.c src/smime/cert.h \
	src/smime/chain.c src/smime/chain.h \
	src/smime/cms.c src/smime/cms.h \
	src/smime/cms_open.c \
	src/smime/cms_seal.c \
	src/smime/cms_sign.c \
	src/smime/cms_verify.c \
	src/smime/csr.c src/smime/csr.h \
	src/smime/der.c src/smime/der.h \
	src/smime/entity.c src/smime/entity.h \
	src/smime/entity_write.c \
	src/smime/envelope.c src/smime/envelope.h \
	src/smime/exts.c src/smime/exts.h \
	src/smime/issue.c src/smime/issue.h \
	src/smime/keydb.c src/smime/keydb.h \
	src/smime/oid.h \
	src/smime/ownmail.c src/smime/ownmail.h \
	src/smime/ossl.c src/smime/ossl.h \
	src/smime/p12.c src/smime/p12.h \
	src/smime/p12_write.c \
	src/smime/pkey.c src/smime/pkey.h \
	src/smime/recipient.c src/smime/recipient.h \
	src/smime/transport.c src/smime/transport.h
