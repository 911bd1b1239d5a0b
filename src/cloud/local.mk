sbin_PROGRAMS += waxwing-cloudd
noinst_LIBRARIES += src/cloud/libcloud.a
src_cloud_libcloud_a_SOURCES = \
	src/cloud/account.c src/cloud/acme.h \
	src/cloud/acme_auth.c src/cloud/acme_auth.h \
	src/cloud/authres.c src/cloud/authres.h \
	src/cloud/authz.c src/cloud/authz.h \
	src/cloud/ca.c src/cloud/ca.h \
	src/cloud/cert.c \
	src/cloud/challenge.c src/cloud/challenge.h \
	src/cloud/cloud.c src/cloud/cloud.h \
	src/cloud/compose.c \
	src/cloud/conf_table.c \
	src/cloud/directory.c src/cloud/directory.h \
	src/cloud/hosted.c src/cloud/hosted.h \
	src/cloud/httpd.c src/cloud/httpd.h \
	src/cloud/init.c \
	src/cloud/judge.c src/cloud/judge.h \
	src/cloud/keypool.c src/cloud/keypool.h \
	src/cloud/keys.c src/cloud/keys.h \
	src/cloud/kms.c src/cloud/kms.h \
	src/cloud/kms_paths.h \
	src/cloud/limits.c src/cloud/limits.h \
	src/cloud/listen.c src/cloud/listen.h \
	src/cloud/mailer.c src/cloud/mailer.h \
	src/cloud/nonce.c src/cloud/nonce.h \
	src/cloud/order.c \
	src/cloud/plain.c src/cloud/plain.h \
	src/cloud/rate.c src/cloud/rate.h \
	src/cloud/rekey.c src/cloud/rekey.h \
	src/cloud/release.c src/cloud/release.h \
	src/cloud/replies.c src/cloud/replies.h \
	src/cloud/replysig.c src/cloud/replysig.h \
	src/cloud/store.c src/cloud/store.h \
	src/cloud/sweep.c src/cloud/sweep.h
CLOUD_LIBS = src/cloud/libcloud.a src/dkim/libdkim.a src/acme/libacme.a src/smime/libsmime.a \
	src/smtp/libsmtp.a src/mail/libmail.a src/sys/libsys.a \
	src/base/libbase.a $(OPENDKIM_LIBS) $(LIBEVENT_LIBS) $(CURL_LIBS) \
	$(JANSSON_LIBS) $(OPENSSL_LIBS) $(LMDB_LIBS) $(INIPARSER_LIBS)
waxwing_cloudd_SOURCES = src/cloud/main.c
waxwing_cloudd_LDADD = $(CLOUD_LIBS)
