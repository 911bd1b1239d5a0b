check_PROGRAMS += tests/system/smime-cli
tests_system_smime_cli_LDADD = src/smime/libsmime.a src/mail/libmail.a \
	src/base/libbase.a $(OPENSSL_LIBS)

# What an authority makes, shown to the openssl tool.
check_PROGRAMS += tests/system/issue-cli
tests_system_issue_cli_LDADD = $(tests_system_smime_cli_LDADD)
TESTS += tests/system/t_issue_openssl
EXTRA_DIST += tests/system/t_issue_openssl
