check_PROGRAMS += tests/system/smime-cli
tests_system_smime_cli_LDADD = src/smime/libsmime.a src/mail/libmail.a \
	src/base/libbase.a $(OPENSSL_LIBS)
