BASE_TESTS = \
	tests/unit/t_arena \
	tests/unit/t_blob \
	tests/unit/t_buf \
	tests/unit/t_clock \
	tests/unit/t_codec \
	tests/unit/t_err \
	tests/unit/t_map \
	tests/unit/t_num \
	tests/unit/t_set \
	tests/unit/t_span
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)
tests_unit_t_arena_LDADD = $(UNIT_LDADD)
tests_unit_t_blob_LDADD = $(UNIT_LDADD)
tests_unit_t_buf_LDADD = $(UNIT_LDADD)
tests_unit_t_clock_LDADD = $(UNIT_LDADD)
tests_unit_t_codec_LDADD = $(UNIT_LDADD)
tests_unit_t_err_LDADD = $(UNIT_LDADD)
tests_unit_t_map_LDADD = $(UNIT_LDADD)
tests_unit_t_num_LDADD = $(UNIT_LDADD)
tests_unit_t_set_LDADD = $(UNIT_LDADD)
tests_unit_t_span_LDADD = $(UNIT_LDADD)
