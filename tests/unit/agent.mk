check_PROGRAMS += tests/unit/t_certlist
TESTS += tests/unit/t_certlist
tests_unit_t_certlist_LDADD = src/agent/libagent.a src/proto/libproto.a \
	$(UNIT_LDADD)
