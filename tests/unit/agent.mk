check_PROGRAMS += tests/unit/t_certlist tests/unit/t_multipart
TESTS += tests/unit/t_certlist tests/unit/t_multipart
tests_unit_t_certlist_LDADD = src/agent/libagent.a src/proto/libproto.a \
	$(UNIT_LDADD)
tests_unit_t_multipart_LDADD = src/agent/libagent.a $(UNIT_LDADD)
