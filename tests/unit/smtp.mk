SMTP_TESTS = \
	tests/unit/t_dot \
	tests/unit/t_ehlo \
	tests/unit/t_reply \
	tests/unit/t_verb
check_PROGRAMS += $(SMTP_TESTS)
TESTS += $(SMTP_TESTS)
tests_unit_t_dot_LDADD = src/smtp/libsmtp.a $(UNIT_LDADD)
tests_unit_t_ehlo_LDADD = src/smtp/libsmtp.a $(UNIT_LDADD)
tests_unit_t_reply_LDADD = src/smtp/libsmtp.a $(UNIT_LDADD)
tests_unit_t_verb_LDADD = src/smtp/libsmtp.a $(UNIT_LDADD)
