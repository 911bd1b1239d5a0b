KMS_UNIT_LDADD = $(CLOUD_LIBS) tests/unit/libunit.a $(CUNIT_LIBS)
KMS_UNIT_HOUSE = tests/unit/keyhouse.c tests/unit/keyhouse.h

KMS_TESTS = \
	tests/unit/t_directory \
	tests/unit/t_keyserver \
	tests/unit/t_release
check_PROGRAMS += $(KMS_TESTS)
TESTS += $(KMS_TESTS)
tests_unit_t_directory_SOURCES = tests/unit/t_directory.c $(KMS_UNIT_HOUSE)
tests_unit_t_directory_LDADD = $(KMS_UNIT_LDADD)
tests_unit_t_keyserver_SOURCES = tests/unit/t_keyserver.c $(KMS_UNIT_HOUSE)
tests_unit_t_keyserver_LDADD = $(KMS_UNIT_LDADD)
tests_unit_t_release_LDADD = $(KMS_UNIT_LDADD)
