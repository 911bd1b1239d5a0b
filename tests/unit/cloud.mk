check_PROGRAMS += tests/unit/t_cloud
TESTS += tests/unit/t_cloud
tests_unit_t_cloud_SOURCES = tests/unit/t_cloud.c $(CONF_SOURCE)
tests_unit_t_cloud_LDADD = tests/unit/libunit.a $(CLOUD_LIBS) $(CUNIT_LIBS)
