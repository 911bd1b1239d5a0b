AGENT_TESTS = tests/unit/t_certlist tests/unit/t_multipart \
	tests/unit/t_renew
check_PROGRAMS += $(AGENT_TESTS)
TESTS += $(AGENT_TESTS)
tests_unit_t_certlist_LDADD = src/agent/libagent.a src/proto/libproto.a \
	$(UNIT_LDADD)
tests_unit_t_multipart_LDADD = src/agent/libagent.a $(UNIT_LDADD)
tests_unit_t_renew_LDADD = src/agent/libagent.a $(UNIT_LDADD)
