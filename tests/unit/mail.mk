# The tests of src/mail, and those of src/imap that need a view.
MAIL_TESTS = \
	tests/unit/t_addr \
	tests/unit/t_classify \
	tests/unit/t_ctype \
	tests/unit/t_date \
	tests/unit/t_header \
	tests/unit/t_match \
	tests/unit/t_nstring \
	tests/unit/t_part \
	tests/unit/t_preview \
	tests/unit/t_protect \
	tests/unit/t_render \
	tests/unit/t_section \
	tests/unit/t_sort \
	tests/unit/t_splice \
	tests/unit/t_thread \
	tests/unit/t_view \
	tests/unit/t_word
check_PROGRAMS += $(MAIL_TESTS)
TESTS += $(MAIL_TESTS)
MAIL_TEST_LDADD = src/mail/libmail.a $(UNIT_LDADD)
IMAP_VIEW_LDADD = src/imap/libimap.a $(MAIL_TEST_LDADD)
tests_unit_t_addr_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_classify_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_ctype_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_date_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_header_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_match_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_nstring_LDADD = $(IMAP_VIEW_LDADD)
tests_unit_t_part_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_preview_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_protect_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_render_LDADD = $(IMAP_VIEW_LDADD)
tests_unit_t_section_LDADD = $(IMAP_VIEW_LDADD)
tests_unit_t_sort_LDADD = $(IMAP_VIEW_LDADD)
tests_unit_t_splice_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_thread_LDADD = $(IMAP_VIEW_LDADD)
tests_unit_t_view_LDADD = $(MAIL_TEST_LDADD)
tests_unit_t_word_LDADD = $(MAIL_TEST_LDADD)
