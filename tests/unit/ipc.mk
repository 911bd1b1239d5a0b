IPC_TESTS = tests/unit/t_fault tests/unit/t_ipc tests/unit/t_memfd tests/unit/t_rec
check_PROGRAMS += $(IPC_TESTS)
TESTS += $(IPC_TESTS)
tests_unit_t_fault_LDADD = src/sys/libsys.a $(UNIT_LDADD)
tests_unit_t_ipc_LDADD = src/sys/libsys.a $(UNIT_LDADD) $(LIBEVENT_LIBS)
tests_unit_t_memfd_LDADD = src/sys/libsys.a $(UNIT_LDADD)
tests_unit_t_rec_LDADD = src/proto/libproto.a $(UNIT_LDADD)
