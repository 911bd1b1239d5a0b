check_PROGRAMS += tests/unit/t_ipc tests/unit/t_memfd
TESTS += tests/unit/t_ipc tests/unit/t_memfd
tests_unit_t_ipc_LDADD = src/sys/libsys.a $(UNIT_LDADD) $(LIBEVENT_LIBS)
tests_unit_t_memfd_LDADD = src/sys/libsys.a $(UNIT_LDADD)
