SEALER_TESTS = \
	tests/unit/t_keystore \
	tests/unit/t_owner \
	tests/unit/t_sevenbit \
	tests/unit/t_slurp
check_PROGRAMS += $(SEALER_TESTS)
TESTS += $(SEALER_TESTS)
SEALER_LDADD = src/sealer/libsealer.a src/proto/libproto.a src/sys/libsys.a
tests_unit_t_keystore_LDADD = $(SEALER_LDADD) $(SMIME_UNIT_LDADD) \
	$(LMDB_LIBS)
tests_unit_t_owner_LDADD = $(SEALER_LDADD) $(SMIME_UNIT_LDADD) \
	$(LMDB_LIBS) $(INIPARSER_LIBS) $(LIBEVENT_LIBS)
tests_unit_t_sevenbit_LDADD = src/mail/libmail.a $(UNIT_LDADD)
tests_unit_t_slurp_LDADD = $(SEALER_LDADD) $(UNIT_LDADD) $(LIBEVENT_LIBS)
