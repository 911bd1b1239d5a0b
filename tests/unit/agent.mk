check_PROGRAMS += tests/unit/t_certlist tests/unit/t_multipart \
	tests/unit/t_renew
TESTS += tests/unit/t_certlist tests/unit/t_multipart \
	tests/unit/t_renew
tests_unit_t_certlist_LDADD = src/agent/libagent.a src/proto/libproto.a \
	$(UNIT_LDADD)
tests_unit_t_multipart_LDADD = src/agent/libagent.a $(UNIT_LDADD)
tests_unit_t_renew_LDADD = src/agent/libagent.a $(UNIT_LDADD)
