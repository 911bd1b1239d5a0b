check_PROGRAMS += tests/unit/t_release
TESTS += tests/unit/t_release
tests_unit_t_release_LDADD = $(CLOUD_LIBS) tests/unit/libunit.a $(CUNIT_LIBS)
