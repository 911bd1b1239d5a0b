# Unit tests of what IMAP sessions are made of.
PROXY_IMAP_LIBS = src/proxy/libproxy.a src/imap/libimap.a \
	src/smtp/libsmtp.a src/policy/libpolicy.a src/mail/libmail.a \
	src/role/librole.a src/proto/libproto.a src/sys/libsys.a $(UNIT_LDADD) \
	$(LIBEVENT_LIBS) $(OPENSSL_LIBS) $(LMDB_LIBS) $(JANSSON_LIBS) \
	$(INIPARSER_LIBS)
PROXY_IMAP_TESTS = \
	tests/unit/t_boxname \
	tests/unit/t_candidate \
	tests/unit/t_gather \
	tests/unit/t_held \
	tests/unit/t_job \
	tests/unit/t_late \
	tests/unit/t_mailbox \
	tests/unit/t_opens \
	tests/unit/t_seen \
	tests/unit/t_sentlog \
	tests/unit/t_special \
	tests/unit/t_throttle \
	tests/unit/t_upstream \
	tests/unit/t_viewcache \
	tests/unit/t_whole
check_PROGRAMS += $(PROXY_IMAP_TESTS)
TESTS += $(PROXY_IMAP_TESTS)
tests_unit_t_boxname_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_candidate_LDADD = src/proxy/libproxy.a $(UNIT_LDADD)
tests_unit_t_gather_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_held_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_job_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_late_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_mailbox_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_opens_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_seen_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_sentlog_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_special_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_throttle_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_upstream_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_viewcache_LDADD = $(PROXY_IMAP_LIBS)
tests_unit_t_whole_LDADD = $(PROXY_IMAP_LIBS)
