noinst_LIBRARIES += src/smime/libsmime.a
src_smime_libsmime_a_SOURCES = \
	src/smime/algo.c src/smime/algo.h \
	src/smime/cert.h \
	src/smime/certdb.h \
	src/smime/chain.h \
	src/smime/cms.h \
	src/smime/der.c src/smime/der.h \
	src/smime/entity.h \
	src/smime/keydb.h \
	src/smime/oid.h \
	src/smime/ossl.c src/smime/ossl.h \
	src/smime/p12.h
