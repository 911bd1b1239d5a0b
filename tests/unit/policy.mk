check_PROGRAMS += tests/unit/t_policy
TESTS += tests/unit/t_policy
tests_unit_t_policy_LDADD = src/policy/libpolicy.a $(UNIT_LDADD)
