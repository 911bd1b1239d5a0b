# The oracle: a real Dovecot judges what we answer.  render_cli answers from a
# file, for tests/oracle/oracle --self.
check_PROGRAMS += tests/oracle/render_cli
tests_oracle_render_cli_SOURCES = tests/oracle/render_cli.c
tests_oracle_render_cli_LDADD = src/imap/libimap.a src/mail/libmail.a \
	src/base/libbase.a
EXTRA_DIST += tests/data/ORIGIN tests/data/messages \
	tests/oracle/EXCEPTIONS tests/oracle/README tests/oracle/oracle \
	tests/oracle/asking.py tests/oracle/dovecot.py \
	tests/oracle/imapio.py \
	tests/oracle/items.py tests/oracle/judge.py \
	tests/oracle/mutate.py tests/oracle/seal.py tests/oracle/searches.py
